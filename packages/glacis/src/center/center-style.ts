/** The stylesheet: system fonts, two themes by the reader's own setting, nothing from elsewhere. */
const COLOURS = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --panel: #ffffff; --sunk: #f0f2f5; --line: #e2e5ea; --strong-line: #c9ced6;
  --text: #171b21; --quiet: #5a6472; --accent: #2f55d4; --accent-soft: #e8edfd; --on-accent: #ffffff;
  --good: #12693f; --good-soft: #e1f4e9; --good-fill: #3aa76d;
  --warn: #8a4b08; --warn-soft: #fdf0dc; --warn-fill: #e39a35;
  --bad: #b3261e; --bad-soft: #fce8e6; --bad-fill: #dc4c42;
  --info: #2b5a9b; --info-soft: #e6effa; --info-fill: #7d9fd0;
  --shadow: 0 1px 2px rgb(16 24 40 / 0.05);
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1015; --panel: #151a21; --sunk: #1b212a; --line: #252c37; --strong-line: #3a4454;
    --text: #e7eaef; --quiet: #9aa5b4; --accent: #8ea8ff; --accent-soft: #1f2945; --on-accent: #0d1015;
    --good: #7fd6a5; --good-soft: #14301f; --good-fill: #3f9e69;
    --warn: #f0bd76; --warn-soft: #36260e; --warn-fill: #cf8a2d;
    --bad: #ff9d95; --bad-soft: #3d1a18; --bad-fill: #d9544a;
    --info: #9ec1f2; --info-soft: #16273d; --info-fill: #55759f;
    --shadow: none;
  }
}`;

const FRAME = `
*, *::before, *::after { box-sizing: border-box; }
html { font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font-variant-numeric: tabular-nums; }
h1, h2, p, ul, ol, dl, dd { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.skip { position: absolute; left: -999px; top: 8px; z-index: 2; padding: 8px 14px; border-radius: 8px; background: var(--panel); }
.skip:focus { left: 8px; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.shell { display: grid; grid-template-columns: 236px minmax(0, 1fr); min-height: 100vh; background: linear-gradient(var(--panel), var(--panel)) 0 0 / 235px 100% no-repeat; }
.side { position: sticky; top: 0; height: 100vh; display: flex; flex-direction: column; gap: 18px; padding: 20px 14px; overflow-y: auto; background: var(--panel); border-right: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 10px; padding: 2px 8px; color: inherit; }
.brand:hover { text-decoration: none; }
.brand svg { width: 30px; height: 30px; flex: none; fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.brand .shield { fill: var(--accent); stroke: none; }
.brand .tick { stroke: var(--on-accent); }
.brand strong { display: block; font-size: 15px; line-height: 1.2; letter-spacing: -0.01em; }
.brand small { color: var(--quiet); font-size: 12px; }
.side nav { flex: 1; }
.group { margin: 14px 10px 4px; color: var(--quiet); font-size: 11px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; }
.side nav a { display: flex; align-items: center; gap: 10px; padding: 7px 10px; border-radius: 8px; color: var(--text); font-weight: 500; }
.home { display: flex; align-items: center; gap: 8px; padding: 6px 10px; border-radius: 8px; color: var(--quiet); font-weight: 500; }
.home:hover { background: var(--sunk); color: var(--text); text-decoration: none; }
.home svg { width: 16px; height: 16px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.side nav a:hover { background: var(--sunk); text-decoration: none; }
.side nav a[aria-current] { background: var(--accent-soft); color: var(--accent); }
.side nav svg { width: 18px; height: 18px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; opacity: 0.85; }
.who { display: grid; gap: 3px; padding: 12px 10px 0; border-top: 1px solid var(--line); color: var(--quiet); font-size: 12px; }
.who .scope { color: var(--text); font-weight: 600; }
.who .id { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-family: ui-monospace, Menlo, Consolas, monospace; }
main { width: 100%; max-width: 1400px; margin: 0 auto; padding: 26px 32px 56px; display: grid; gap: 18px; align-content: start; grid-template-columns: minmax(0, 1fr); }
.page-head { display: flex; flex-wrap: wrap; align-items: flex-end; justify-content: space-between; gap: 12px 24px; }
h1 { font-size: 22px; line-height: 1.3; letter-spacing: -0.015em; font-weight: 650; overflow-wrap: anywhere; }
.lead { color: var(--quiet); }
.page-actions { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }`;

const PARTS = `
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 16px 18px; min-width: 0; }
.panel > header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 4px 16px; margin-bottom: 12px; }
.panel h2 { font-size: 14px; font-weight: 600; }
.panel .note { color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
.panel > p + p { margin-top: 6px; }
.panel.flush { padding: 4px 0; overflow: hidden; }
.thirds { display: grid; gap: 18px; grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); }
.halves { display: grid; gap: 18px; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); }
.quiet { color: var(--quiet); }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12.5px; overflow-wrap: anywhere; }
.banner { border-radius: 12px; padding: 14px 18px; border: 1px solid; display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; }
.banner a { color: inherit; text-decoration: underline; text-underline-offset: 3px; }
.banner h2 { font-size: 15px; font-weight: 650; }
.banner.good { background: var(--good-soft); border-color: transparent; color: var(--good); }
.banner.info { background: var(--info-soft); border-color: transparent; color: var(--info); }
.banner.bad { background: var(--bad-soft); border-color: var(--bad-fill); color: var(--bad); }
.alarms { width: 100%; display: grid; gap: 8px; }
.alarms li { padding-top: 8px; border-top: 1px solid color-mix(in srgb, var(--bad-fill) 30%, transparent); color: var(--text); }
.alarms p { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: baseline; }
.alarms strong { color: var(--bad); }
.chips { display: flex; flex-wrap: wrap; gap: 8px; }
.chips li { padding: 3px 10px; border-radius: 8px; background: var(--sunk); font-size: 12.5px; }
.fields .whole { grid-column: 1 / -1; overflow-wrap: anywhere; }
.notice { padding: 10px 14px; border-radius: 10px; background: var(--good-soft); color: var(--good); font-weight: 500; }
.notice.warn { background: var(--warn-soft); color: var(--warn); }
.notice.info { background: var(--info-soft); color: var(--info); }
.searched { margin-top: 10px; color: var(--quiet); font-size: 13px; }
.tiles { display: grid; gap: 18px; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); }
.tiles a { position: relative; display: grid; grid-template-columns: auto 1fr; align-items: baseline; gap: 2px 10px; height: 100%; padding: 14px 18px 40px; overflow: hidden; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.tiles a:hover { border-color: var(--strong-line); text-decoration: none; }
.tile-title { grid-column: 1 / -1; color: var(--quiet); font-weight: 500; }
.tile-value { font-size: 28px; line-height: 1.2; font-weight: 650; letter-spacing: -0.02em; }
.change { color: var(--quiet); font-size: 12.5px; font-weight: 600; }
.change.bad { color: var(--bad); }
.change.good { color: var(--good); }
.spark { position: absolute; left: 0; right: 0; bottom: 0; width: 100%; height: 36px; }
.spark polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.spark .area { fill: var(--accent); opacity: 0.09; }
.badge { display: inline-block; max-width: 100%; padding: 1px 8px; border-radius: 999px; background: var(--sunk); color: var(--text); font-size: 12px; font-weight: 550; line-height: 1.55; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; vertical-align: middle; }
.badge.good { background: var(--good-soft); color: var(--good); }
.badge.warn { background: var(--warn-soft); color: var(--warn); }
.badge.bad { background: var(--bad-soft); color: var(--bad); }
.badge.info { background: var(--info-soft); color: var(--info); }
.level { display: inline-flex; align-items: center; gap: 7px; white-space: nowrap; }
.level::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--strong-line); }
.level.warn::before { background: var(--warn-fill); }
.level.bad::before { background: var(--bad-fill); }
.level.bad { color: var(--bad); font-weight: 600; }
.empty { display: grid; justify-items: center; gap: 2px; padding: 26px 16px; text-align: center; color: var(--quiet); }
.empty svg { width: 36px; height: 36px; margin-bottom: 6px; fill: none; stroke: var(--good-fill); stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.empty-title { color: var(--text); font-weight: 600; }
.ranking { display: grid; gap: 10px; }
.ranking li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 3px 12px; }
.ranking a { color: var(--text); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12.5px; }
.ranking span { font-weight: 600; }
.ranking svg { grid-column: 1 / -1; width: 100%; height: 4px; border-radius: 2px; }
.rail { fill: var(--sunk); } .fill { fill: var(--accent); }
.plain-list { display: grid; gap: 8px; }
.plain-list li { display: flex; justify-content: space-between; gap: 16px; }
.plain-list .mono { white-space: nowrap; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 10px 24px; }
.fields dt { color: var(--quiet); font-size: 12.5px; }
pre { margin: 0 0 10px; padding: 14px 16px; overflow-x: auto; border-radius: 8px; background: var(--sunk); font: 12.5px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }`;

const DATA = `
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 500; color: var(--quiet); font-size: 12.5px; white-space: nowrap; }
th, td { padding: 9px 12px; border-bottom: 1px solid var(--line); vertical-align: middle; }
.panel:not(.flush) th:first-child, .panel:not(.flush) td:first-child { padding-left: 4px; }
tbody tr:last-child > * { border-bottom: 0; }
tbody tr:hover { background: var(--sunk); }
td.number, th.number { text-align: right; }
td.time { white-space: nowrap; }
td.wide { min-width: 220px; }
th.mono { font-family: inherit; font-size: 12.5px; }
td.stack strong { margin-left: 6px; } td.stack > strong:first-child { margin-left: 0; }
td small { margin-left: 6px; color: var(--quiet); font-size: 12.5px; }
td.stack small { display: block; margin: 0; overflow-wrap: anywhere; }
.note a, td.wide > a { text-decoration: underline; text-decoration-color: var(--strong-line); text-underline-offset: 3px; }
td.clip { max-width: 200px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
a.plain { color: inherit; }
/* What is written from the right moves nothing beside it. */
a.plain, .mono, .badge, td small { unicode-bidi: isolate; }
tr.fresh { animation: fresh 3s ease-out; }
@keyframes fresh { from { background: var(--accent-soft); } }
.button { display: inline-flex; align-items: center; gap: 8px; min-height: 34px; padding: 5px 13px; border: 1px solid var(--strong-line); border-radius: 8px; background: var(--panel); color: var(--text); font: inherit; font-weight: 550; cursor: pointer; white-space: nowrap; }
.button:hover { background: var(--sunk); text-decoration: none; }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.button.primary:hover { filter: brightness(1.08); }
.button.small { min-height: 28px; padding: 2px 10px; font-size: 13px; }
.button.danger { color: var(--bad); border-color: var(--bad-fill); }
.button[hidden] { display: none; }
.dot { width: 8px; height: 8px; border-radius: 50%; background: var(--strong-line); }
.button[aria-pressed="true"] { border-color: var(--good-fill); color: var(--good); }
.button[aria-pressed="true"] .dot { background: var(--good-fill); animation: pulse 1.6s infinite; }
@keyframes pulse { 50% { opacity: 0.35; } }
.inline { display: inline-flex; gap: 8px; }
.switch { display: inline-flex; padding: 3px; border-radius: 10px; background: var(--sunk); border: 1px solid var(--line); }
.switch a { padding: 3px 12px; border-radius: 7px; color: var(--quiet); font-weight: 550; }
.switch a[aria-current] { background: var(--panel); color: var(--text); box-shadow: var(--shadow); }
.switch a:hover { text-decoration: none; color: var(--text); }
.filters { display: grid; gap: 10px; }
.filter-row { display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-end; }
.filters details .filter-row { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); padding-top: 10px; }
.filters input { width: 100%; }
.filters summary { width: max-content; color: var(--quiet); cursor: pointer; }
label { display: grid; gap: 3px; color: var(--quiet); font-size: 12.5px; font-weight: 500; }
label.grow { flex: 1 1 280px; }
input, select { min-height: 34px; padding: 5px 10px; border: 1px solid var(--strong-line); border-radius: 8px; background: var(--panel); color: var(--text); font: inherit; font-size: 14px; }
input::placeholder { color: var(--quiet); opacity: 1; }
select { min-width: 124px; text-transform: capitalize; }
.filter-buttons, .pages { display: flex; gap: 8px; }
.pages { justify-content: flex-end; }
.chart svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--line); stroke-width: 1; }
.axis { fill: var(--quiet); font-size: 11px; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
rect.succeeded { fill: var(--good-fill); } rect.observed { fill: var(--info-fill); } rect.refused { fill: var(--warn-fill); } rect.failed { fill: var(--bad-fill); }
rect.hover { fill: var(--text); opacity: 0; }
g:hover > rect.hover { opacity: 0.06; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-bottom: 8px; color: var(--quiet); font-size: 12.5px; text-transform: capitalize; }
.legend li { display: flex; align-items: center; gap: 7px; }
.legend li::before { content: ""; width: 10px; height: 10px; border-radius: 3px; background: var(--info-fill); }
.legend .succeeded::before { background: var(--good-fill); } .legend .refused::before { background: var(--warn-fill); } .legend .failed::before { background: var(--bad-fill); }
.data { margin-top: 10px; }
.data summary { width: max-content; color: var(--quiet); font-size: 12.5px; cursor: pointer; }
.data .scroll { max-height: 320px; overflow: auto; margin-top: 8px; }`;

const NARROW = `
@media (max-width: 900px) {
  .shell { display: block; background: none; }
  .side { position: static; height: auto; padding: 12px 14px; gap: 8px; border-right: 0; border-bottom: 1px solid var(--line); }
  .side nav { display: flex; gap: 2px; overflow-x: auto; scrollbar-width: thin; }
  .side nav ul { display: flex; gap: 2px; }
  .side nav a { white-space: nowrap; }
  .group, .who { display: none; }
  main { padding: 18px 14px 40px; }
  .filters details .filter-row { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 640px) {
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .tiles a { padding: 12px 14px 36px; }
  .tile-value { grid-column: 1 / -1; font-size: 24px; }
  .filters details .filter-row { grid-template-columns: minmax(0, 1fr); }
  .filter-row > label { flex: 1 1 140px; }
  .filter-row > label.grow { flex-basis: 100%; }
  .filter-buttons { flex: 1 1 100%; }
  .filter-buttons .button { flex: 1; justify-content: center; }
  .panel { padding: 14px; }
  .plain-list li { flex-wrap: wrap; gap: 0 16px; }
  /* The newest stands at the right, and is seen first. */
  .plot { overflow-x: auto; direction: rtl; }
  .plot svg { direction: ltr; width: 560px; }
  .plot .axis { font-size: 18px; }
  .cards, .cards tbody { display: block; }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards tbody tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 6px 14px; padding: 12px 14px; border-bottom: 1px solid var(--line); }
  .panel:not(.flush) .cards tbody tr { padding: 12px 0; }
  .cards tbody tr:last-child { border-bottom: 0; }
  .cards tbody tr:hover { background: none; }
  .cards tbody td, .panel:not(.flush) .cards td:first-child { display: block; min-width: 0; max-width: none; padding: 0; border: 0; text-align: left; }
  .cards td::before { content: attr(data-title); display: block; color: var(--quiet); font: 500 11.5px/1.5 system-ui, sans-serif; }
  .cards td.wide { grid-column: 1 / -1; order: -1; font-weight: 600; }
  .cards td.wide small { font-weight: 400; }
  .cards td.wide::before { content: none; }
  .cards td:has(> .quiet:only-child) { display: none; }
}
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; } }
@media (forced-colors: active) { .badge, .level::before, .legend li::before { border: 1px solid; } }
@media print {
  .side, .page-actions, .filters, .pages, .data, .skip, .inline { display: none; }
  .shell { display: block; background: none; }
  main { max-width: none; padding: 0; }
  .panel, .banner, .tiles a, tr { break-inside: avoid; box-shadow: none; }
  .scroll, .plot { overflow: visible; }
  .badge, .level::before, .legend li::before, rect { print-color-adjust: exact; }
  td.clip { max-width: none; white-space: normal; overflow-wrap: anywhere; }
}
`;

export const STYLE: string = COLOURS + FRAME + PARTS + DATA + NARROW;
