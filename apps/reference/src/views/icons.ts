/** Drawings in the current colour, hidden from screen readers: the words beside them say it. */
import { html, type SafeHtml } from "glacis/input";

export const logo: SafeHtml = html`
  <svg viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false">
    <path d="M5 2.5h9.5L20 8v13.5H5z" fill="currentColor"></path>
    <path d="M14.5 2.5V8H20" class="line" stroke-width="1.4"></path>
    <path d="M8.5 12h7M8.5 15h7M8.5 18h4" class="line" stroke-width="1.4" stroke-linecap="round"></path>
  </svg>`;

const PATHS = {
  plus: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20",
  sheet: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 15.5h6",
} as const;

export function icon(name: keyof typeof PATHS): SafeHtml {
  return html`
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"
      stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d="${PATHS[name]}"></path>
    </svg>`;
}
