/** One column on a card, light or dark as the reader has it. */
const PAGE_STYLE = `
:root { color-scheme: light dark; --ground: #f3f6fa; --card: #fff; --ink: #15212f; --soft: #536274; --line: #d7dee7;
  --field: #7d8c9e; --accent: #0b5cad; --accent-down: #094b8e; --on-accent: #fff; --bad: #b3261e; --bad-ground: #fdeceb; --said: #e8f1fb; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0d131a; --card: #151e28; --ink: #e9eff6; --soft: #a3b3c5; --line: #2a3644; --field: #6d7f93;
    --accent: #84bdf6; --accent-down: #a9d2fb; --on-accent: #06213d; --bad: #ffb4ab; --bad-ground: #3a1917; --said: #16304b; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: clamp(1rem, 7vh, 5rem) 1rem 3rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; overflow-wrap: anywhere; }
.brand, main { max-width: 27rem; margin-inline: auto; }
.brand { margin-block: 0 1rem; padding-inline: .25rem; font-size: 1.1rem; font-weight: 650; letter-spacing: -.01em; }
main { padding: clamp(1.25rem, 5vw, 2.25rem); background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  box-shadow: 0 1px 2px rgb(11 26 43 / 6%), 0 14px 36px -16px rgb(11 26 43 / 22%); }
.wide, .wide + main { max-width: 44rem; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; text-wrap: balance; }
h2 { margin: 2rem 0 .25rem; padding-top: 1.5rem; border-top: 1px solid var(--line); font-size: 1.05rem; line-height: 1.35; }
p { margin: 0 0 .75rem; }
.soft, figcaption, time { color: var(--soft); font-size: .9rem; }
a { color: var(--accent); text-underline-offset: .2em; }
code { font: .92em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
form { margin: 1.25rem 0 0; }
.rows + .field { margin-top: 1rem; }
.field { display: grid; grid-template-columns: 1fr auto; gap: .3rem 0; margin-bottom: 1.1rem; }
.field > * { grid-column: 1 / -1; }
label { font-weight: 600; font-size: .94rem; }
input, select { grid-row: 2; width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid var(--field); border-radius: 8px;
  background: var(--card); color: inherit; font: inherit; }
input:has(+ button) { padding-right: 8.5rem; }
[aria-invalid="true"] { border-color: var(--bad); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.wrong { margin: 0; color: var(--bad); font-size: .9rem; }
button { min-height: 2.75rem; padding: .5rem 1.1rem; border: 1px solid transparent; border-radius: 8px; background: var(--accent);
  color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
button:hover { background: var(--accent-down); }
button:disabled { opacity: .6; cursor: progress; }
.full { width: 100%; }
.quiet, .field button { background: transparent; color: var(--accent); border-color: var(--line); }
.quiet:hover, .field button:hover { background: var(--said); }
.field button { grid-area: 2 / 2; min-height: 0; margin: .3rem; padding: 0 .6rem; border-color: transparent; font-size: .88rem; }
[role="alert"]:not(.wrong), [role="status"]:not(:empty) { padding: .65rem .85rem; border-radius: 8px; background: var(--bad-ground); color: var(--bad); }
.or { display: flex; align-items: center; gap: .75rem; margin: 1.25rem 0; color: var(--soft); font-size: .9rem; }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
.links { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem; margin: 1.25rem 0 0; }
figure { margin: 1rem 0; text-align: center; }
figure svg { width: min(100%, 13rem); height: auto; border-radius: 8px; background: #fff; }
ul { margin: .5rem 0 0; padding: 0; list-style: none; }
.codes { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .4rem 1rem; padding: 1rem; border: 1px solid var(--line); border-radius: 8px; }
.rows > li { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem; padding: .7rem 0; }
.rows > li + li { border-top: 1px solid var(--line); }
.rows form, .rows p { margin: 0; }
.rows button, .rows .quiet { min-height: 2.25rem; padding: .25rem .8rem; font-size: .92rem; }
`;

/**
 * How the library's own pages look to people: forms of accounts, refusals, the outbox. It is inline under the response's nonce, so that no address has to
 * be served for it, and a page of the library never waits for a file of the application.
 *
 * @param nonce the response's own, of letters and digits
 * @returns markup of a style element
 */
export function pageStyle(nonce: string): string {
  return `<style nonce="${nonce}">${PAGE_STYLE}</style>`;
}
