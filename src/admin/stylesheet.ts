/**
 * The style of all pages of the side port: light and dark, for wide and narrow windows, without anything from elsewhere.
 */

/** CSS. */
export const STYLESHEET = `:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f6f9, #0e1217);
  --card: light-dark(#ffffff, #171d25);
  --line: light-dark(#dfe4ea, #2a323d);
  --text: light-dark(#17202b, #e3e9f0);
  --dim: light-dark(#5b6877, #93a1b2);
  --accent: light-dark(#0b5fbf, #6fb1ff);
  --good: light-dark(#12703f, #57cf8f);
  --fair: light-dark(#8a5300, #f0b35a);
  --bad: light-dark(#b3261e, #ff8a80);
  --good-ground: light-dark(#dff3e7, #12301f);
  --fair-ground: light-dark(#fdeccf, #38290f);
  --bad-ground: light-dark(#fbe1df, #3d1a18);
  --plain-ground: light-dark(#e8ecf1, #252d38);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.6rem; padding: .7rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line); }
.top p { margin: 0; }
.brand { font-weight: 700; font-size: 1.1rem; display: flex; align-items: center; gap: .5rem; }
.mark { width: 1.05rem; height: 1.05rem; border: 3px solid var(--accent); border-bottom-width: 0; border-radius: .6rem .6rem 0 0; }
.version, .meta, .dim, .hint { color: var(--dim); font-weight: 400; }
.version, .meta, .refresh { font-size: .85rem; }
.top nav { display: flex; gap: .3rem 1rem; align-items: center; }
.top nav a { text-decoration: none; }
.top nav a[aria-current] { color: var(--text); font-weight: 600; }
.meta { margin-left: auto !important; }
.refresh { color: var(--dim); }
.top .refresh { gap: .6rem; }
main { max-width: 86rem; margin: 0 auto; padding: 1.2rem 1.5rem 3rem; }
h1 { font-size: 1.5rem; margin: .4rem 0 .6rem; }
h2 { font-size: 1rem; margin: 0 0 .7rem; display: flex; flex-wrap: wrap; gap: .5rem; align-items: baseline; }
h2 .mono, .hint { font-size: .85rem; font-weight: 400; color: var(--dim); }
.count { background: var(--plain-ground); border-radius: 1rem; padding: 0 .55rem; font-size: .85rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.2rem; margin: 0 0 1rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 1rem; align-items: start; }
.banner { border-radius: .6rem; padding: .6rem 1.2rem; margin: 0 0 1rem; }
.banner ul { margin: .2rem 0 0; padding-left: 1.2rem; }
.banner.good { background: var(--good-ground); color: var(--good); }
.banner.fair { background: var(--fair-ground); color: var(--fair); overflow-wrap: anywhere; }
.banner.bad { background: var(--bad-ground); color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin: 0 0 1rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; }
.tile dt { color: var(--dim); font-size: .85rem; }
.tile dd { margin: 0; font-size: 1.55rem; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
.tile.good dd { color: var(--good); }
.tile.fair dd { color: var(--fair); }
.tile.bad dd { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--dim); padding: .2rem 0; }
th, td { text-align: left; vertical-align: baseline; padding: .45rem .9rem .45rem 0; border-top: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-top: 0; color: var(--dim); font-weight: 500; font-size: .8rem; white-space: nowrap; padding-top: 0; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.mono, .code, code { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, monospace; font-size: .86em; }
td.mono { white-space: nowrap; }
td.name { min-width: 7rem; }
.name, .path, .detail, .examples li { overflow-wrap: anywhere; }
.pill { display: inline-block; border-radius: 1rem; padding: .05rem .6rem; font-size: .8rem; font-weight: 600; white-space: nowrap; background: var(--plain-ground); }
.pill.good { background: var(--good-ground); color: var(--good); }
.pill.fair { background: var(--fair-ground); color: var(--fair); }
.pill.bad { background: var(--bad-ground); color: var(--bad); }
.pill.plain { color: var(--dim); }
.bad-text { color: var(--bad); }
.none, .more { color: var(--dim); margin: 0; }
.more { margin-top: .6rem; }
.transfers { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(25rem, 100%), 1fr)); gap: 1rem 2rem; }
.transfer p { margin: 0; }
.what { font-weight: 600; }
.who { color: var(--dim); font-size: .85rem; }
.direction { display: inline-block; border-radius: .3rem; padding: 0 .4rem; font-size: .75rem; font-weight: 600; color: var(--accent); border: 1px solid currentColor; margin-right: .2rem; }
.direction.upload { color: var(--good); }
.direction.list { color: var(--dim); }
.progress { display: flex; align-items: center; gap: .8rem; margin: .35rem 0 .2rem; }
.share { min-width: 3rem; text-align: right; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures { display: flex; flex-wrap: wrap; gap: 0 1.2rem; font-size: .85rem; color: var(--dim); font-variant-numeric: tabular-nums; }
progress { appearance: none; flex: 1; height: .6rem; border: 0; border-radius: .3rem; overflow: hidden; background: var(--plain-ground); }
progress::-webkit-progress-bar { background: var(--plain-ground); }
progress::-webkit-progress-value { background: var(--accent); border-radius: .3rem; }
progress::-moz-progress-bar { background: var(--accent); border-radius: .3rem; }
progress:indeterminate { background: repeating-linear-gradient(-45deg, var(--plain-ground) 0 8px, var(--line) 8px 16px); }
progress:indeterminate::-webkit-progress-bar { background: none; }
progress:indeterminate::-moz-progress-bar { background: none; }
.meter { display: flex; align-items: center; gap: .8rem; margin: 0 0 .4rem; font-size: .9rem; }
meter { flex: 1; max-width: 18rem; height: 1rem; }
.examples { list-style: none; margin: 0; padding: 0; display: grid; gap: .2rem; font-size: .86rem; }
.examples .detail { color: var(--dim); }
.meaning { color: var(--dim); font-size: .86rem; }
.failures td:first-child { width: 34%; }
.operation p { margin: .3rem 0 .5rem; }
.method { border-radius: .3rem; padding: 0 .5rem; font-size: .8rem; font-weight: 700; background: var(--plain-ground); }
.method.post { background: var(--fair-ground); color: var(--fair); }
.method.delete { background: var(--bad-ground); color: var(--bad); }
.answer summary { cursor: pointer; }
tr:target { background: var(--fair-ground); }
@media (max-width: 40rem) {
  .top, main { padding-left: .9rem; padding-right: .9rem; }
  .meta { margin-left: 0 !important; }
}
@media (prefers-reduced-motion: no-preference) {
  progress:indeterminate { background-size: 22.6px 22.6px; animation: stripes 1.2s linear infinite; }
  @keyframes stripes { to { background-position: 22.6px 0; } }
}
`;
