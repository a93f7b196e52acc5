/** Messages between windows from known origins, and no technology that browsers have left (catalog client-code-safety; ASVS 5 section 3.5.5, 3.7.1). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { scriptsIn, scriptsOf, type ClientScript } from "./client-code.ts";
import { pageOf, pageTags } from "./page-tags.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "client-code-safety",
  title: "postMessage receivers checked and only supported client technologies used",
  layer: "transport",
  guide: ["A03"],
  owasp2021: ["A03"],
  owasp2025: ["A05", "A08"],
  asvs: ["v5.0.0-3.1.1", "v5.0.0-3.5.5", "v5.0.0-3.7.1", "v5.0.0-3.7.5"],
  cwe: ["CWE-346", "CWE-20", "CWE-1104", "CWE-477"],
};

export const MESSAGE_FROM_ANYONE: Rule = {
  id: "client-code-safety/from-anyone",
  severity: "warning",
  what: "A script listens to messages and never looks at their origin.",
  why: "Every page that frames or opens this one may send it messages, and they are obeyed.",
  fix: "Receive them with onMessage(), or compare event.origin with the one origin that may send.",
};
export const MESSAGE_TO_ANYONE: Rule = {
  id: "client-code-safety/to-anyone",
  severity: "warning",
  what: 'A script sends a message to the origin "*".',
  why: "Whoever has navigated that window meanwhile reads it.",
  fix: "Name the origin that is meant.",
};
export const CLIENT_OBSOLETE: Rule = {
  id: "client-code-safety/obsolete",
  severity: "warning",
  what: "A page or a script uses a technology that browsers have left: plug-ins, document.domain, ActiveX.",
  why: "Nobody repairs it any more, and document.domain opens the page to its siblings.",
  fix: "Use what replaced it: video and canvas for plug-ins, messages between windows for document.domain.",
};

export interface ClientCodeSafetyOptions {
  /** The folder of the scripts that browsers get, such as `assets`. Without it only pages that a probe kept are judged. */
  readonly folder?: string;
}

/**
 * Judges the scripts that browsers get.
 *
 * @throws TypeError on an unknown option.
 * @example
 * clientCodeSafety({ folder: "assets" });
 */
export function clientCodeSafety(options: ClientCodeSafetyOptions = {}): Control {
  rejectUnknownOptions("clientCodeSafety", options, ["folder"]);
  const { folder } = options;
  return {
    meta: META,
    rules: [MESSAGE_FROM_ANYONE, MESSAGE_TO_ANYONE, CLIENT_OBSOLETE],
    check: () => (folder === undefined ? [] : scriptsIn(folder).flatMap(assess)),
    observe: (observation) => [...scriptsOf(observation).flatMap(assess), ...plugins(observation)],
  };
}

const LISTENS = /\baddEventListener\s*\(\s*["'`]message["'`]|\bonmessage\s*=(?!=)/gu;
/** What a worker, a port, a socket or a stream of events sends has no page of others behind it. */
const OWN_CHANNEL = /\b(?:worker|port\d?|socket|ws|channel|eventsource|source|stream|broadcast\w*)\s*\.\s*$/iu;
const READS_ORIGIN = /\borigin\b/u;
const TO_ANYONE = /\bpostMessage\s*\([^;]{0,2000}?,\s*(?:["'`]\*["'`]|\{[^{}]{0,200}targetOrigin\s*:\s*["'`]\*["'`])/gu;
const OBSOLETE = /\bdocument\s*\.\s*domain\s*=(?!=)|\bnew\s+ActiveXObject\b/gu;

function assess({ text, locate }: ClientScript): readonly Finding[] {
  const listens = [...text.matchAll(LISTENS)].filter(
    ({ index }) => !OWN_CHANNEL.test(text.slice(Math.max(0, index - 60), index)),
  );
  return [
    ...(READS_ORIGIN.test(text) ? [] : listens.map(({ index }) => finding(MESSAGE_FROM_ANYONE, locate(index)))),
    ...[...text.matchAll(TO_ANYONE)].map(({ index }) => finding(MESSAGE_TO_ANYONE, locate(index))),
    ...[...text.matchAll(OBSOLETE)].map(({ index }) => finding(CLIENT_OBSOLETE, locate(index))),
  ];
}

const PLUGINS: ReadonlySet<string> = new Set(["object", "embed", "applet"]);

function plugins(observation: Observation): readonly Finding[] {
  const page = pageOf(observation);
  if (page === undefined) return [];
  const at: Location = { kind: "response", url: observation.url, header: undefined };
  return [...pageTags(page)]
    .filter(({ name }) => PLUGINS.has(name))
    .map(({ name }) => finding(CLIENT_OBSOLETE, at, `<${name}>`));
}

/** The part of a window that is used; it exists in browsers and in tests alike. */
export interface MessageTarget {
  addEventListener(type: "message", listener: (event: MessageLike) => void): void;
  removeEventListener(type: "message", listener: (event: MessageLike) => void): void;
}

interface MessageLike {
  readonly origin: string;
  readonly data: unknown;
}

export interface MessageReceiver<Message> {
  /** The one origin that may send, such as `https://widget.example.com`. */
  readonly origin: string;
  /** The message when it is one; undefined otherwise. */
  readonly parse: (data: unknown) => Message | undefined;
  readonly handle: (message: Message) => void;
}

/**
 * Receives messages of one origin, and of no other; what does not parse is ignored like the rest. It stands alone, so that a bundler can take it
 * into a page.
 *
 * @returns a function that ends it and says how many messages were ignored
 * @throws TypeError for an origin that is none: without one the handler never runs
 * @example
 * const stop = onMessage(window, { origin: "https://widget.example.com", parse: readResize, handle: resize });
 */
export function onMessage<Message>(target: MessageTarget, receiver: MessageReceiver<Message>): () => number {
  const { origin, parse, handle } = receiver;
  if (!canParseUrl(origin) || new URL(origin).origin !== origin)
    throw new TypeError('onMessage() needs the origin that may send, such as "https://widget.example.com".');
  let ignored = 0;
  const listener = (event: MessageLike): void => {
    const message = event.origin === origin ? parse(event.data) : undefined;
    if (message === undefined) ignored += 1;
    else handle(message);
  };
  target.addEventListener("message", listener);
  return () => {
    target.removeEventListener("message", listener);
    return ignored;
  };
}
