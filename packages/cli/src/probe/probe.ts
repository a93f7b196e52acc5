/** Looks at a running application from outside and judges what it sees with the controls' own third face. */
import { setTimeout as delay } from "node:timers/promises";
import { judgeObservations, type Finding, type Observation, type Security } from "glacis";
import { observatoryScore } from "glacis/testing";
import { gradeCsp, probeTls, repeatedNonces } from "glacis/transport";
import { CannotCheck } from "../outcome.ts";
import { ask, type Asker, type Question } from "./ask.ts";
import { absence, behaviour, exposures, observatoryQuestion, scripts } from "./questions.ts";

const AT_A_TIME = 4;
const MOST_REDIRECTS = 5;
/** A server that sends us away for longer is not waited for. */
const LONGEST_WAIT_SECONDS = 65;
const MOST_ATTEMPTS = 4;
/** Which controls judge what lies about: the others would say the same of every 404. */
const OF_EXPOSURES: ReadonlySet<string> = new Set([
  "exposed-files-and-endpoints",
  "admin-interface",
  "debug-off",
  "client-code-safety",
  "client-storage",
]);

export interface ProbeOptions {
  readonly origin: URL;
  /** Paths of pages to look at, `/` among them. */
  readonly pages: readonly string[];
  readonly asker: Asker;
  /** Told after each answer. */
  readonly progress: (answered: number, asked: number) => void;
}

export interface Probed {
  readonly findings: readonly Finding[];
  readonly answered: number;
  /** Undefined over plain HTTP, which the Observatory does not score. */
  readonly observatory: { readonly score: number; readonly grade: string } | undefined;
  readonly csp: string;
}

/**
 * Asks everything and judges the answers.
 *
 * @throws CannotCheck when the first page does not answer, or when more than a tenth of the questions stay open
 */
export async function probe({ controls }: Pick<Security, "controls">, options: ProbeOptions): Promise<Probed> {
  const { origin, pages, asker } = options;
  const { put, answered } = questioner(options);
  const page = await followed(origin, put);
  const plain = origin.protocol === "https:" ? await plainChain(origin, asker) : undefined;
  const [cors, again] = await put([observatoryQuestion(origin, pathOf(page)), { origin, target: pathOf(page) }]);
  const tls =
    origin.protocol === "https:"
      ? await probeTls({
          hostname: origin.hostname,
          ...(origin.port !== "" && { port: Number(origin.port) }),
          ...(asker.ca !== undefined && { ca: asker.ca }),
        })
      : undefined;
  const shown = seen(await put(behaviour(origin, pages)));
  const [absent] = await put([absence(origin)]);
  const hidden = seen(await put([...exposures(origin), ...scripts(origin, page)])).filter(
    // What a site answers to whatever is asked is no answer to this question.
    ({ status, body }) => status !== absent?.status || body !== absent.body,
  );
  const behaved = [{ ...page, ...(tls !== undefined && { tls }) }, ...(plain?.answers ?? []), ...shown];
  const policies = page.headers.filter(([name]) => name === "content-security-policy").map(([, value]) => value);
  return {
    findings: [
      ...judgeObservations(controls, behaved),
      ...judgeObservations(
        controls.filter(({ meta }) => OF_EXPOSURES.has(meta.id)),
        hidden,
      ),
      ...repeatedNonces(again === undefined ? [] : [page, again]),
    ],
    answered: answered(),
    observatory:
      plain &&
      observatoryScore({
        page,
        html: page.body ?? "",
        ...(plain.visited.length > 1 && { plainHttp: plain.visited }),
        ...(cors !== undefined && { cors }),
      }),
    csp: policies.length === 0 ? "F" : gradeCsp(policies).letter,
  };
}

type Put = (questions: readonly Question[]) => Promise<readonly (Observation | undefined)[]>;

/** Asks in order, a few at a time, and lets a server that is limiting us have its way. */
function questioner({ asker, progress }: ProbeOptions): { readonly put: Put; readonly answered: () => number } {
  let answered = 0;
  let asked = 0;
  const put: Put = async (questions) => {
    asked += questions.length;
    const answers: (Observation | undefined)[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < questions.length; index = next++) {
        answers[index] = await patiently(questions[index] as Question, asker);
        answered += 1;
        progress(answered, asked);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    const open = questions.filter((_, index) => answers[index] === undefined).length;
    if (open > Math.max(1, questions.length / 10)) throw unanswered(open, questions.length);
    return answers;
  };
  return { put, answered: () => answered };
}

/** 429 and 503 say to come again: what is behind them has not been seen. */
async function patiently(question: Question, asker: Asker): Promise<Observation | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask(question, asker);
    if (answer === undefined || (answer.status !== 429 && answer.status !== 503)) return answer;
    const seconds = Number(answer.headers.find(([name]) => name === "retry-after")?.[1] ?? "1");
    if (attempt === MOST_ATTEMPTS || !(seconds >= 0 && seconds <= LONGEST_WAIT_SECONDS)) return undefined;
    await delay(Math.max(200, seconds * 1000), undefined, { signal: asker.signal });
  }
}

/** The page that a visitor of the front door ends on. */
async function followed(origin: URL, put: Put): Promise<Observation> {
  let target = "/";
  for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
    const [page] = await put([{ origin, target }]).catch(() => [undefined]);
    if (page === undefined) throw unreachable(origin);
    const location = page.headers.find(([name]) => name === "location")?.[1];
    if (page.status < 300 || page.status >= 400 || location === undefined || !URL.canParse(location, page.url))
      return page;
    const url = new URL(location, page.url);
    if (url.origin !== origin.origin) return page;
    target = url.pathname + url.search;
  }
  throw unreachable(origin);
}

/** Where `http://` leads: each answer on the way, and the addresses visited. Without one nothing listens there, which is as good. */
async function plainChain(
  origin: URL,
  asker: Asker,
): Promise<{ readonly answers: readonly Observation[]; readonly visited: readonly string[] }> {
  const answers: Observation[] = [];
  const visited = [`http://${origin.hostname}/`];
  for (let hop = 0; hop < MOST_REDIRECTS; hop += 1) {
    const url = new URL(visited.at(-1) as string);
    if (url.hostname !== origin.hostname) break;
    const answer = await ask({ origin: url, target: url.pathname + url.search }, asker);
    if (answer === undefined) break;
    if (answer.scheme === "http") answers.push(answer);
    const location = answer.headers.find(([name]) => name === "location")?.[1];
    if (answer.status < 300 || answer.status >= 400 || location === undefined || !URL.canParse(location, url.href))
      break;
    visited.push(new URL(location, url).href);
  }
  return { answers, visited };
}

function seen(answers: readonly (Observation | undefined)[]): readonly Observation[] {
  return answers.filter((answer) => answer !== undefined);
}

function pathOf({ url }: Observation): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function unreachable(origin: URL): CannotCheck {
  return new CannotCheck(
    `${origin.origin} does not answer.`,
    "nothing that is not seen counts as sound.",
    "check the address, and that this machine may reach it.",
  );
}

function unanswered(open: number, asked: number): CannotCheck {
  return new CannotCheck(
    `${open} of ${asked} questions stayed without an answer.`,
    "a server that drops or limits the probe has not shown what it serves.",
    "probe from an address that the limits let through, or when the server is not busy.",
  );
}
