"""How the HTML of a report looks: on a screen, light and dark, and on paper."""

STYLE = """\
:root {
  --page: #fafaf8; --ink: #1c2329; --soft: #55606a; --rule: #d5d9d8; --band: #eef0ee;
  --good: #1f6f39; --bad: #b3261e; --warn: #855000; --accent: #1f66a5;
  --connected: #4f9d69; --silent: #b57d00; --dialing: #b3261e; --waiting: #cf6e66; --draining: #5f8db5;
  --closed: #7a848c; --outage: #f3cfcb; --spread: #9cc0e0; --edge: #6d7d8a;
  --dns: #dbe7f1; --tcp: #b4d0ea; --tls: #f2dca9; --info: #cbe5cf; --connect: #e4cfea;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0f1418; --ink: #dfe4e8; --soft: #9aa7b2; --rule: #2c363f; --band: #171e24;
    --good: #7cbf85; --bad: #f0857b; --warn: #e0a458; --accent: #6ea8dc;
    --connected: #4b8d5e; --silent: #b98a1e; --dialing: #e0655a; --waiting: #a8564f; --draining: #4d7599;
    --closed: #6b7680; --outage: #4a2523; --spread: #2f5c86; --edge: #7d8d9a;
    --dns: #2d3d4b; --tcp: #1f4f7a; --tls: #5b4514; --info: #24502f; --connect: #52325e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1.25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--rule);
  overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
p { max-width: 46rem; margin: .6rem 0; overflow-wrap: anywhere; }
p.strong { margin: -.35rem 0 1.1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .28rem .9rem .28rem 0; }
th { font-weight: 500; }
thead th { color: var(--soft); border-bottom: 1px solid var(--rule); white-space: nowrap; }
tbody th, tbody td { border-bottom: 1px solid var(--rule); }
td.right, th.right { text-align: right; white-space: nowrap; }
td.short, th.short { white-space: nowrap; }
th.right:first-child { padding-right: 1.2rem; }
.scroll { overflow-x: auto; margin: .9rem 0 1.4rem; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.figures { width: 100%; margin: 0 0 1.5rem; }
.figures th { color: var(--soft); width: 8rem; }
.figures td.value { font-weight: 650; white-space: nowrap; width: 10rem; }
.figures td { overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .dim { color: var(--soft); }
td.strong { font-weight: 650; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
figure { margin: 1.1rem 0 1.6rem; break-inside: avoid; }
figure.over-time { padding-left: 4rem; }
figure.over-time figcaption { margin-left: -4rem; }
figcaption { color: var(--soft); margin-bottom: .4rem; }
figure > svg { display: block; overflow: visible; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; margin: .5rem 0 0; padding: 0;
  color: var(--soft); font-size: .87rem; }
.legend li { display: flex; align-items: center; gap: .4rem; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; fill: var(--soft);
  paint-order: stroke; stroke: var(--page); stroke-width: 3px; stroke-linejoin: round; }
svg text.name { fill: var(--ink); }
svg text.inside { fill: var(--ink); stroke: none; }
.rule { stroke: var(--rule); stroke-width: 1; }
.mark { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 3 3; }
.bar { stroke-width: 1; }
.cut { fill: var(--page); stroke: var(--page); stroke-width: 2; }
.connected { fill: var(--connected); stroke: var(--connected); }
.silent { fill: var(--silent); stroke: var(--silent); }
.dialing { fill: var(--dialing); stroke: var(--dialing); }
.waiting { fill: var(--waiting); stroke: var(--waiting); }
.draining { fill: var(--draining); stroke: var(--draining); }
.closed { fill: var(--closed); stroke: var(--closed); }
.outage { fill: var(--outage); stroke: var(--outage); stroke-width: 1; }
.band { fill: var(--accent); fill-opacity: .25; }
.median, .p99, .longest { fill: none; stroke: var(--accent); vector-effect: non-scaling-stroke;
  stroke-linecap: round; stroke-linejoin: round; }
.median { stroke-width: 2; }
.p99 { stroke-width: 1; stroke-opacity: .6; }
.longest { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
.count { fill: var(--spread); stroke: var(--edge); stroke-width: .5; }
.stage { stroke: var(--edge); stroke-width: 1; }
.stage.dns { fill: var(--dns); } .stage.tcp { fill: var(--tcp); } .stage.tls { fill: var(--tls); }
.stage.info { fill: var(--info); } .stage.connect { fill: var(--connect); }
@media (max-width: 40rem) {
  main { padding: 1rem .9rem 3rem; }
  .figures, .figures tbody { display: block; }
  .figures tr { display: grid; grid-template-columns: 6.5rem 1fr; border-bottom: 1px solid var(--rule);
    padding: .25rem 0; }
  .figures th, .figures td { border: 0; padding: .05rem 0; width: auto; }
  .figures td.value { white-space: normal; width: auto; }
  .figures td:last-child { grid-column: 2; color: var(--soft); }
}
@media print {
  @page { margin: 15mm; }
  :root { --page: #fff; }
  body { background: none; font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; }
  .scroll th, .scroll td { white-space: normal; overflow-wrap: anywhere; }
  tr { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
}
"""
