/** The report for people who were not there: auditors, customers, whoever asks what is covered. One page, no script, nothing loaded. */
import { dangerouslyTrustHtml, html, type SafeHtml } from "glacis/input";
import { describeEvidencePlace } from "../evidence/place.ts";
import type { ControlConclusion, Outcome } from "../evidence/conclusion.ts";
import { OUTCOMES } from "../evidence/conclusion.ts";
import type { Evidence, EvidenceFinding } from "../evidence/evidence.ts";

const WORDS: Readonly<Record<Outcome, string>> = {
  fail: "Fails",
  warn: "Warns",
  stale: "Not verified",
  waived: "Waived",
  pass: "Passes",
};

export interface HtmlReport {
  readonly title: string;
  readonly nowMs: number;
  readonly maxAgeDays: number;
  readonly documents: readonly Evidence[];
  readonly conclusions: readonly ControlConclusion[];
}

export function renderHtml(report: HtmlReport): string {
  const { title, nowMs, maxAgeDays, documents, conclusions } = report;
  const of = (outcome: Outcome): readonly ControlConclusion[] =>
    conclusions.filter((conclusion) => conclusion.outcome === outcome);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${dangerouslyTrustHtml(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>
          <header>
            <h1>${title}</h1>
            <p class="quiet">
              Made ${moment(nowMs)}. Evidence older than ${maxAgeDays} days does not count. Each line says what was judged, and by what; what nobody
              has looked at is not on it.
            </p>
          </header>
          <ul class="tally" aria-label="Controls by outcome">
            ${OUTCOMES.map(
              (outcome) =>
                html`<li class="${outcome}"><strong>${of(outcome).length}</strong> ${WORDS[outcome].toLowerCase()}</li>`,
            )}
          </ul>
          <section aria-labelledby="evidence">
            <h2 id="evidence">Evidence</h2>
            <div class="wide">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Command</th>
                    <th scope="col">When</th>
                    <th scope="col">Controls</th>
                    <th scope="col">File and SHA-256</th>
                  </tr>
                </thead>
                <tbody>
                  ${documents.map(evidenceRow)}
                </tbody>
              </table>
            </div>
          </section>
          ${OUTCOMES.filter((outcome) => of(outcome).length > 0).map((outcome) => group(outcome, of(outcome)))}
        </main>
      </body>
    </html>`.toString();
}

function evidenceRow({ command, timeMs, controls, file, sha256 }: Evidence): SafeHtml {
  return html`<tr>
    <td>glacis ${command}</td>
    <td>${moment(timeMs)}</td>
    <td>${controls.length}</td>
    <td>${file}<br /><code>${sha256}</code></td>
  </tr>`;
}

function group(outcome: Outcome, conclusions: readonly ControlConclusion[]): SafeHtml {
  return html`<section aria-labelledby="${outcome}">
    <h2 id="${outcome}">${WORDS[outcome]}: ${conclusions.length}</h2>
    ${conclusions.map(controlPanel)}
  </section>`;
}

function controlPanel({ control, outcome, seen, findings, waived }: ControlConclusion): SafeHtml {
  const standards = [
    ["Guide", control.guide],
    ["ASVS 5", control.asvs],
    ["OWASP 2021", control.owasp2021],
    ["OWASP 2025", control.owasp2025],
    ["CWE", control.cwe],
  ] as const;
  return html`<article>
    <header>
      <h3>${control.title}</h3>
      <span class="mark ${outcome}">${WORDS[outcome]}</span>
    </header>
    <p class="quiet">
      <code>${control.id}</code>, ${control.layer}; ${seen.map(({ evidence, outcome: said }, index) => `${index === 0 ? "" : ", "}${evidence.command}: ${WORDS[said].toLowerCase()}`)}
    </p>
    ${
      findings.length + waived.length === 0
        ? ""
        : html`<ul>
          ${findings.map((found) => findingItem(found))} ${waived.map((found) => findingItem(found))}
        </ul>`
    }
    <p class="standards">
      ${standards
        .filter(([, ids]) => ids.length > 0)
        .map(([name, ids]) => html`<span><b>${name}</b> ${ids.join(", ")}</span> `)}
    </p>
  </article>`;
}

function findingItem({ id, severity, what, fix, at, detail, waiver }: EvidenceFinding): SafeHtml {
  const place = describeEvidencePlace(at);
  return html`<li>
    <b>${waiver === undefined ? severity : "waived"}</b> ${what} <code>${id}</code> at ${place}${detail === undefined ? "" : ` (${detail})`}.
    ${waiver === undefined ? fix : `Until ${waiver.expires}, ${waiver.owner}: ${waiver.reason}`}
  </li>`;
}

function moment(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

const STYLE = `
:root { --ground: #f6f7f9; --panel: #fff; --text: #1b2430; --quiet: #586476; --line: #dfe4ea; --fail: #a8201a; --warn: #8a5a00; --stale: #4b5563; --waived: #4a3f9a; --pass: #1c6b3c; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151c; --panel: #18202a; --text: #e7ecf2; --quiet: #9fabba; --line: #2b3644; --fail: #ff9a92; --warn: #f0c168; --stale: #b6c0cc; --waived: #c0b6ff; --pass: #86d9a5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; } h2 { font-size: 17px; margin: 32px 0 10px; } h3 { font-size: 15px; margin: 0; }
.quiet, .standards { color: var(--quiet); font-size: 13px; margin: 4px 0 0; }
.tally { display: flex; flex-wrap: wrap; gap: 10px; list-style: none; padding: 0; margin: 20px 0 0; }
.tally li { flex: 1 1 130px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; color: var(--quiet); }
.tally strong { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tally .fail strong { color: var(--fail); } .tally .warn strong { color: var(--warn); } .tally .stale strong { color: var(--stale); } .tally .waived strong { color: var(--waived); } .tally .pass strong { color: var(--pass); }
.wide { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 8px 12px; border-bottom: 1px solid var(--line); vertical-align: top; font-size: 13px; } tbody tr:last-child td { border-bottom: 0; }
code { font: 12px/1.4 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
article { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; margin: 0 0 8px; break-inside: avoid; }
article header { display: flex; justify-content: space-between; align-items: baseline; gap: 16px; }
article ul { margin: 8px 0 0; padding-left: 18px; font-size: 14px; } article li { overflow-wrap: anywhere; }
.mark { font-size: 13px; font-weight: 600; white-space: nowrap; }
.mark.fail { color: var(--fail); } .mark.warn { color: var(--warn); } .mark.stale { color: var(--stale); } .mark.waived { color: var(--waived); } .mark.pass { color: var(--pass); }
.standards span { margin-right: 14px; }
@media print { :root { --ground: #fff; } main { max-width: none; } }
`;
