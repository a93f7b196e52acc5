import type { Decision, Deny, HeaderPair } from "./decision.ts";
import type { Exchange } from "./exchange.ts";
import { controlFailed } from "./pipeline.ts";
import { problemJson, problemPage, type RefusalBody, type RefusalView } from "./problem.ts";
import { REASONS } from "./reasons.ts";
import { reportFailure, type Report } from "./report.ts";
import type { Layers, Respond } from "./security.ts";

/** Turns a decision that ends a request into what goes out. */
export type Responder = (exchange: Exchange, decision: Decision) => Respond;

/** The one place where decisions become responses: events reported, the reason's status, the client's language. */
export function responder(layers: Layers, report: Report): Responder {
  /** A refusal in the client's language: a page for a browser that asked for one, a problem document for everyone else. */
  function refuse(exchange: Exchange, denial: Deny): Respond {
    const view: RefusalView = { denial, requestId: exchange.requestId, developer: layers.mode === "development" };
    if (!(exchange.header("accept") ?? "").includes("text/html")) return refusalWith(denial, problemJson(view));
    const page = { ...view, nonce: exchange.nonce };
    if (layers.refusalPage === undefined) return refusalWith(denial, problemPage(page));
    try {
      return refusalWith(denial, layers.refusalPage(page));
    } catch (error) {
      reportFailure(report, "refusal-page", error, exchange);
      return refusalWith(denial, problemPage(page));
    }
  }

  return function respond(exchange, decision) {
    exchange.decided = true;
    for (const event of decision.events) report(event, exchange);
    switch (decision.kind) {
      case "deny":
        return refuse(exchange, decision);
      case "redirect":
        return respondWith(decision.status, [["location", decision.location]], undefined);
      case "answer":
        return {
          ...respondWith(decision.status, decision.headers, decision.body),
          ...(decision.stream !== undefined && { stream: decision.stream }),
        };
      case "allow":
        return respond(exchange, controlFailed("glacis", new TypeError("An allowance is not a response.")));
    }
  };
}

function respondWith(status: number, headers: readonly HeaderPair[], body: string | undefined): Respond {
  return { kind: "respond", status, headers, body, close: false };
}

const CLOSING: ReadonlySet<number> = new Set([408, 411, 413, 417]);

/** What a refusal looks like besides its body: the reason's status, and whether the connection can go on. */
function refusalWith(denial: Deny, { contentType, body }: RefusalBody): Respond {
  const { status, layer } = REASONS[denial.reason];
  const headers: HeaderPair[] = [["content-type", contentType], ...denial.headers];
  // RFC 9112 section 6.1 and 11.2: after a framing error nothing that follows on the connection can be trusted.
  // After 417 nobody knows whether the client sends the body that it has announced.
  const close = CLOSING.has(status) || (layer === "network" && status === 400);
  return { kind: "respond", status, headers, body, close };
}
