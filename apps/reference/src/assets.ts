import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { passkeyScript, passwordRevealScript } from "glacis/authentication";
import { url, type SafeUrl } from "glacis/input";

export interface Asset {
  readonly path: SafeUrl;
  readonly mediaType: string;
  readonly content: string;
}

/** A script and the hash that a browser holds it to. */
export interface SubresourceScript {
  readonly path: SafeUrl;
  readonly integrity: string;
}

export interface Assets {
  readonly stylesheet: SafeUrl;
  readonly icon: SafeUrl;
  readonly script: SubresourceScript;
  /** @param path as in the URL; anything but the exact names is undefined */
  find(path: string): Asset | undefined;
}

export const ASSET_PREFIX = "/assets/";

/** Reads the public files once. Their names carry their hash, so that a browser may keep them for ever. */
export function loadAssets(): Assets {
  const stylesheet = load("app", "css", "text/css; charset=utf-8");
  const icon = load("icon", "svg", "image/svg+xml");
  const script = load("enhance", "js", "text/javascript; charset=utf-8", passkeyScript + passwordRevealScript);
  const byPath = new Map([stylesheet, icon, script].map((asset) => [String(asset.path), asset]));
  const integrity = `sha384-${createHash("sha384").update(script.content).digest("base64")}`;
  return {
    stylesheet: stylesheet.path,
    icon: icon.path,
    script: { path: script.path, integrity },
    find: (path) => byPath.get(path),
  };
}

/** @param more added at the end */
function load(name: string, extension: string, mediaType: string, more = ""): Asset {
  const content = readFileSync(new URL(`../assets/${name}.${extension}`, import.meta.url), "utf8") + more;
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  return { path: url`/assets/${name}.${hash}.${extension}`, mediaType, content };
}
