import { Exchange, type Interpretation } from "../../packages/glacis/src/core/exchange.ts";
import type { ResolveOrigination } from "../../packages/glacis/src/core/facts.ts";
import type { Wire } from "../../packages/glacis/src/core/wire.ts";
import { parseCookieHeader } from "../../packages/glacis/src/primitives/cookie-header.ts";
import { systemSources } from "../../packages/glacis/src/primitives/sources.ts";

export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** A GET as it arrived from a peer. */
export function arrived(headers: HeaderLines, peerAddress: string, encrypted = false): Wire {
  return { method: "GET", target: "/", httpVersion: "1.1", rawHeaders: headers.flat(), peerAddress, encrypted };
}

const BASIS: Omit<Interpretation, "resolve"> = { sources: systemSources(), parseCookies: parseCookieHeader };

/** The facts of a wire, by a real resolver. */
export function interpreted(wire: Wire, resolve: ResolveOrigination): Exchange {
  return new Exchange(wire, { ...BASIS, resolve });
}
