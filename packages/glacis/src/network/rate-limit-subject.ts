/** Whose allowance a request takes from. */
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import type { Principal } from "../core/principal.ts";
import { limitKey, parseAddress } from "../primitives/ip.ts";

/**
 * What a limit counts by. Only what was verified selects an allowance of its own; whoever has no such identity is counted by client address, so
 * that inventing a key or leaving one out gains nothing.
 *
 * - `client`: the client address, an IPv6 client by its /64
 * - `user`: the signed-in user, or the verified service
 * - `apiKey`: the verified service alone; signed-in users and strangers count by client address
 * - `principal`: the user or service, whoever is verified
 * - `tenant`: the tenant of the user or service
 * - `route`: the declared pattern; one allowance for everybody together, unless another dimension stands beside it
 */
export type Dimension = "client" | "user" | "apiKey" | "principal" | "tenant" | "route";

/** A subject of your own. Return undefined to count by client address; never return what a client can make up. */
export type SubjectFunction<Facts extends RequestFacts> = (facts: Facts) => string | undefined;

export type Subject<Facts extends RequestFacts> = Dimension | readonly Dimension[] | SubjectFunction<Facts>;

const PARTS: Readonly<Record<Dimension, (facts: IdentifiedFacts) => string>> = {
  client: clientPart,
  user: (facts) => principalPart(facts.principal) ?? clientPart(facts),
  apiKey: (facts) => (facts.principal.kind === "service" ? `s${sized(facts.principal.id)}` : clientPart(facts)),
  principal: (facts) => principalPart(facts.principal) ?? clientPart(facts),
  tenant: (facts) => (facts.principal.kind === "anonymous" ? clientPart(facts) : `t${sized(facts.principal.tenantId)}`),
  route: ({ pattern }) => `r${sized(pattern)}`,
};

/**
 * Compiles `by` to a function from facts to the subject's text. Different subjects have different texts: each part says its kind and its length.
 *
 * @throws TypeError on an unknown or repeated dimension.
 */
export function subjectOf<Facts extends RequestFacts>(by: Subject<Facts>): (facts: Facts) => string {
  if (typeof by === "function") return (facts) => ownSubject(by(facts), facts);
  const dimensions: ReadonlySet<Dimension> = new Set(typeof by === "string" ? [by] : (by ?? []));
  if (dimensions.size === 0 || (typeof by !== "string" && dimensions.size !== by.length)) {
    throw new TypeError("rateLimit() needs `by` as a dimension, a list of different dimensions, or a function.");
  }
  for (const dimension of dimensions) {
    if (!Object.hasOwn(PARTS, dimension)) {
      const hint = /^header/iu.test(dimension) ? " A header is not verified; use apiKey." : "";
      throw new TypeError(
        `rateLimit() cannot count by ${JSON.stringify(dimension)}. Use ${Object.keys(PARTS).join(", ")}, or a function.${hint}`,
      );
    }
  }
  // Only overloads that hand over identified facts admit the dimensions that read them.
  const parts = Array.from(dimensions, (dimension) => PARTS[dimension]) as unknown as ((facts: Facts) => string)[];
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return (facts) => parts.reduce((text, part) => text + part(facts), "");
}

/**
 * A subject that the application named: letters that look and sort alike count as one (NFC, lower case, no outer space), so that spelling an
 * account name differently does not open another allowance.
 */
function ownSubject(subject: unknown, facts: RequestFacts): string {
  if (subject === undefined || subject === "") return clientPart(facts);
  if (typeof subject !== "string")
    throw new TypeError("The `by` function of a rate limit must return a text or undefined.");
  return `=${subject.normalize("NFC").toLowerCase().normalize("NFC").trim()}`;
}

function principalPart(principal: Principal): string | undefined {
  if (principal.kind === "anonymous") return undefined;
  return `${principal.kind === "user" ? "u" : "s"}${sized(principal.id)}`;
}

function clientPart({ client }: RequestFacts): string {
  const address = client.includes(":") ? limitKey(parseAddress(client) ?? client) : client;
  return `c${sized(address)}`;
}

function sized(text: string): string {
  return `${text.length}:${text}`;
}
