/**
 * What all pages of the side port have in common. Nothing comes from elsewhere, and no script runs.
 */
import { type Html, html } from './html.ts';

const LINKS = [
  ['/', 'Status'],
  ['/api', 'API'],
  ['/errors', 'Error codes'],
] as const;

/** The pages that {@link page} knows. */
export type PagePath = (typeof LINKS)[number][0];

export interface PageOptions {
  readonly path: PagePath;
  readonly title: string;
  readonly version: string;
  /** Seconds until the browser asks again; undefined: never. */
  readonly refresh?: number | undefined;
  /** Where it asks then. */
  readonly target?: string;
  /** Beside the title. */
  readonly aside?: Html;
  readonly content: Html;
}

/** A whole page. */
export function page({ path, title, version, refresh, target, aside, content }: PageOptions): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${refresh === undefined ? null : html`<meta http-equiv="refresh" content="${refresh}; url=${target ?? path}">`}
<title>${title} · Sallyport</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header class="top">
<p class="brand"><span class="mark" aria-hidden="true"></span>Sallyport <span class="version">${version}</span></p>
<nav aria-label="Pages">${LINKS.map(([href, text]) => html`<a href="${href}"${href === path ? html` aria-current="page"` : null}>${text}</a>`)}</nav>
${aside}
</header>
<main>
${content}
</main>
</body>
</html>
`;
}
