/** Programs of the desktop and windows that a page opens. */
import { KIND } from "../engine/kinds.ts";
import { untrusted, type ScanRule } from "../rule.ts";
import { nameOf, textAt } from "./names.ts";

const DANGEROUS: Readonly<Record<string, boolean>> = {
  nodeIntegration: true,
  nodeIntegrationInWorker: true,
  nodeIntegrationInSubFrames: true,
  contextIsolation: false,
  webSecurity: false,
  allowRunningInsecureContent: true,
  enableRemoteModule: true,
  experimentalFeatures: true,
  sandbox: false,
};

/** What sends every message there is, or hears every one. */
const BRIDGE = /^electron\.ipcRenderer(?:\.(?:send|sendSync|sendToHost|invoke|on|once|addListener|postMessage))?$/u;

/** A page that is a program of the machine. */
export const ELECTRON_SETTINGS: ScanRule = {
  id: "scan/electron-settings",
  severity: "error",
  cwe: ["CWE-1188", "CWE-94", "CWE-79"],
  owasp: "A05",
  what: "A window of Electron gives its page more than a browser would, or opens whatever address it is told.",
  why: "One script in such a page runs programs on the machine; openExternal starts files and protocols of the system.",
  fix: "Leave nodeIntegration off, contextIsolation, sandbox and webSecurity on; pass openExternal addresses with https: alone.",
  bad: 'import { BrowserWindow } from "electron";\nexport const win = new BrowserWindow({ webPreferences: { nodeIntegration: true, contextIsolation: false } });',
  good: 'import { BrowserWindow } from "electron";\nexport const win = new BrowserWindow({ webPreferences: { sandbox: true } });',
  nodes: (node, parents, _file, report) => {
    if (node.type !== "Property" || node.value.type !== "Literal") return;
    const name = nameOf(node.key) ?? "";
    if (!Object.hasOwn(DANGEROUS, name) || DANGEROUS[name] !== node.value.value) return;
    const isWindow = parents.some(
      (parent) =>
        (parent.type === "Property" && nameOf(parent.key) === "webPreferences") || parent.type === "NewExpression",
    );
    if (isWindow) report(node, `${name}: ${String(node.value.value)}`);
  },
  calls: ({ api, name, args, receiver, run, node }, report) => {
    const settings = /^electron\.(?:BrowserWindow|BrowserView)$/u.test(api)
      ? args[0]?.fields?.get("webPreferences")
      : undefined;
    const weak = [...(settings?.fields ?? [])].filter(
      ([key, { literal }]) => DANGEROUS[key] !== undefined && DANGEROUS[key] === literal,
    );
    if (weak.length > 0 && !weak.some(([key]) => textAt(run.module.file, node).includes(key)))
      report(node, weak.map(([key]) => key).join(", "));
    const handed = name === "exposeInMainWorld" ? [...(args[1]?.fields?.values() ?? [])] : [];
    const bridge = handed.find(({ api: of = "" }) => BRIDGE.test(of));
    if (bridge !== undefined) report(node, `${bridge.api ?? ""} as it is`);
    if (name === "loadURL" && args[0]?.taints.some(({ label }) => /^message \d/u.test(label)) === true) {
      const told = untrusted(run, args[0], KIND.redirect | KIND.href);
      if (told !== undefined) report(node, `${told.label} in ${name}()`, told);
    }
    if (name !== "openExternal" || !/(?:^|\.)shell(?:\.|$)/u.test(`${api}.${receiver?.name ?? ""}`)) return;
    const taint = untrusted(run, args[0], KIND.href, ["remote", "browser", "parameter"]);
    if (taint !== undefined) report(node, `${taint.label} in openExternal()`, taint);
  },
};

const LINK =
  /<(?:a|area|form)\b(?=[^>]*\btarget\s*=\s*["'{]*_blank)(?![^>]*\brel\s*=(?!\s*["'{]*opener\b))(?=[^>]*\b(?:href|action)\s*=\s*["'{]?\s*(?:https?:|\/\/|\$\{|\{))[^>]*>/iu;

/** A window that can send its opener elsewhere. */
export const OPENER_LINK: ScanRule = {
  id: "scan/opener-link",
  severity: "note",
  cwe: ["CWE-1022"],
  owasp: "A05",
  what: 'A link to another site opens a window (target="_blank") without rel="noopener".',
  why: "In older browsers the page that opens sees window.opener, and sends your page to a copy of your sign-in.",
  fix: 'rel="noopener noreferrer"',
  bad: 'export const Link = ({ url }) => <a href={url} target="_blank">site</a>;',
  good: 'export const Link = ({ url }) => <a href={url} target="_blank" rel="noopener noreferrer">site</a>;',
  markup: (text, _path, report) => {
    for (const { 0: tag, index } of text.matchAll(/<(?:a|area|form)\b[^>]*_blank[^>]*>/giu))
      if (LINK.test(tag)) report(index);
  },
  nodes: (node, _parents, file, report) => {
    const isMarkup =
      node.type === "JSXOpeningElement" ||
      node.type === "TemplateLiteral" ||
      (node.type === "Literal" && typeof node.value === "string" && node.value.length < 10_000);
    if (!isMarkup) return;
    const text = textAt(file, node);
    // In a plain text, braces are text.
    if (node.type === "Literal" && !/\b(?:href|action)\s*=\s*\\?["']?https?:/iu.test(text)) return;
    if (text.includes("_blank") && !/\{\s*\.\.\./u.test(text) && LINK.test(text)) report(node);
  },
};
