import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint, firstDifference, withoutNumbers } from "./attack-matrix-fingerprint.ts";
import { prepareCase, requestOf, type RouteCase } from "./attack-matrix-cases.ts";
import { privilegedFields, withExtraFields } from "./attack-matrix-fields.ts";
import { findMarker, markersIn } from "./attack-matrix-markers.ts";
import { effectBetween, without, type ApplicationState, type StateRow } from "./attack-matrix-state.ts";
import { methodVariants, pathVariants } from "./attack-matrix-variants.ts";
import { lookAlikes, resolver } from "./attack-matrix-world.ts";
import { publicAccess } from "../core/access.ts";
import { routeRule } from "../core/route.ts";

const { own, other } = lookAlikes(["admin", "member"], ["document"]);

describe("look-alike tenants", () => {
  it("differ in one digit of each id, and share no canary", () => {
    const differences = (left: string, right: string): number =>
      [...left].filter((digit, at) => digit !== right[at]).length;
    expect(differences(own.id, other.id)).toBe(1);
    expect(differences(own.objects["document"]!, other.objects["document"]!)).toBe(1);
    expect(differences(own.people["member"]!.id, other.people["member"]!.id)).toBe(1);
    expect(own.people["member"]!.email.split("@")[0]).toBe(other.people["member"]!.email.split("@")[0]);
    expect(own.canary("title")).not.toBe(other.canary("title"));
  });
});

function ask(method: string, pattern: string, wanted: RouteCase) {
  const prepared = prepareCase({ method, pattern, rule: routeRule(publicAccess("x")) }, wanted, ["admin", "member"]);
  return { prepared, request: requestOf(prepared, {}, () => resolver(own)) };
}

describe("a case", () => {
  const id = own.objects["document"]!;
  it.each([
    ["/documents/:id", { id: "{document}" }, `/documents/${id}`],
    ["/documents/:id{[0-9a-f-]{36}}", { id: "{document}" }, `/documents/${id}`],
    ["/documents/:id(\\d+)", { id: "7" }, "/documents/7"],
    ["/documents{/:id}", { id: "7" }, "/documents/7"],
    ["/documents/:id?", { id: "7" }, "/documents/7"],
    ["/files/*", { "*": "a b/c" }, "/files/a%20b%2Fc"],
    ["/files/*rest", { rest: "x" }, "/files/x"],
    ["/:a/:b", { a: "{tenant}", b: "{member.id}" }, `/${own.id}/${own.people["member"]!.id}`],
  ])("fills the pattern %s", (pattern, params, target) => {
    expect(ask("GET", pattern, { params }).request.target).toBe(target);
  });

  it("names each place where an id stands", () => {
    const { prepared, request } = ask("POST", "/d/:id", {
      params: { id: "{document}" },
      query: { of: "{document}" },
      headers: { "x-doc": "{document}" },
      json: { a: [{ b: "{member.id}" }, 1, null], c: "plain", d: { e: "{tenant}" } },
    });
    expect(prepared.places).toEqual(
      ["path id", "query of", "header x-doc", "json a.0.b", "json d.e"].toSorted(by(prepared.places)),
    );
    expect(JSON.parse(request.body!)).toEqual({
      a: [{ b: own.people["member"]!.id }, 1, null],
      c: "plain",
      d: { e: own.id },
    });
    expect(request.headers["content-type"]).toBe("application/json");
  });

  it("sends forms and other texts", () => {
    expect(ask("POST", "/x", { form: { a: "{document}", b: "1 2" } }).request.body).toBe(`a=${id}&b=1+2`);
    expect(ask("POST", "/x", { raw: { type: "text/csv", text: "id\n{document}" } }).request.body).toBe(`id\n${id}`);
    expect(ask("*", "/x", {}).request.method).toBe("GET");
    expect(ask("*", "/x", { json: {} }).request.method).toBe("POST");
    expect(ask("*", "/x", { json: {}, method: "PUT" }).request.method).toBe("PUT");
  });
});

/** In whichever order, as long as they are the same. */
function by(order: readonly string[]): (left: string, right: string) => number {
  return (left, right) => order.indexOf(left) - order.indexOf(right);
}

describe("variants", () => {
  const request = { method: "GET", target: "/api/docs/abc?x=1", headers: { "content-type": "text/csv" }, body: "a" };
  it("spells a path in other ways, each once, and leaves the query alone", () => {
    const targets = pathVariants(request).map((variant) => variant.ask.target);
    expect(targets).toEqual([
      "/api/docs/abc/?x=1",
      "//api/docs/abc?x=1",
      "/api/docs//abc?x=1",
      "/API/DOCS/ABC?x=1",
      "/api/docs/ABC?x=1",
      "/%61pi/docs/abc?x=1",
      "/api/docs%2fabc?x=1",
      "/api/docs/./abc?x=1",
      "/api/docs/x/%2e%2e/abc?x=1",
      "/api/docs/abc;x=1?x=1",
      "/api/docs/abc.json?x=1",
      "/api/docs/abc%00?x=1",
    ]);
    expect(pathVariants({ ...request, target: "/" })).toEqual([]);
    expect(new Set(pathVariants({ ...request, target: "/1" }).map((variant) => variant.ask.target)).size).toBe(
      pathVariants({ ...request, target: "/1" }).length,
    );
  });

  it("tries the methods that the pattern does not have, with a body where one belongs", () => {
    const variants = methodVariants(request, new Set(["GET", "HEAD", "DELETE"]));
    expect(variants.map(({ ask: { method, body } }) => [method, body])).toEqual([
      ["POST", "a"],
      ["PUT", "a"],
      ["PATCH", "a"],
      ["OPTIONS", undefined],
    ]);
  });

  it("adds each privileged field at each level of a document, and keeps what is there", () => {
    const body = JSON.stringify({ id: 1, list: [{ role: "x" }, {}], deep: { er: {} } });
    const json = { method: "POST", target: "/", headers: { "content-type": "application/json" }, body };
    const fields = withExtraFields(json, { id: 9, role: "admin", ...(JSON.parse('{"__proto__":{"x":1}}') as object) });
    expect(fields.map(({ name, level }) => `${level}/${name}`)).toEqual([
      "/role",
      "/__proto__",
      "list.0/id",
      "list.0/__proto__",
      "deep/id",
      "deep/role",
      "deep/__proto__",
      "deep.er/id",
      "deep.er/role",
      "deep.er/__proto__",
    ]);
    expect(fields[1]?.ask.body).toContain('"__proto__":{"x":1}');
    expect(JSON.parse(fields[2]!.ask.body!)).toEqual({ id: 1, list: [{ role: "x", id: 9 }, {}], deep: { er: {} } });
  });

  it("adds scalars to a form, and nothing to what is neither", () => {
    const form = {
      method: "POST",
      target: "/",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "role=x",
    };
    expect(withExtraFields(form, { role: "admin", id: 7, roles: [] }).map((field) => field.ask.body)).toEqual([
      "role=x&id=7",
    ]);
    expect(withExtraFields({ method: "GET", target: "/", headers: {} }, { id: 7 })).toEqual([]);
    expect(Object.keys(privilegedFields(other, own.people["admin"]!))).toContain("__proto__");
  });
});

const row = (tenant: string, values: Record<string, unknown>): StateRow => ({
  table: "t",
  tenant,
  values,
  text: JSON.stringify(values),
});
const state: ApplicationState = { read: () => Promise.resolve([]), write: () => Promise.resolve() };

describe("markers", () => {
  const world = markersIn(
    [
      row(own.id, { id: own.objects["document"]!, title: "Same-title", note: "Ownkestrelnote, shared-word" }),
      row(own.id, { id: "x", note: { deep: ["Ownkestreldeep"] }, at: "2026-01-01T00:00:00Z", n: 123456789 }),
      row(other.id, { id: other.objects["document"]!, title: "Same-title", note: "Otherkestrelnote shared-word" }),
    ],
    { own, other },
    state,
  );
  it("are the words that one tenant alone has, dates and numbers aside", () => {
    expect([...world.sides.own.keys()].toSorted()).toEqual(
      [own.objects["document"]!, "ownkestreldeep", "ownkestrelnote"].toSorted(),
    );
    expect([...world.objects.own.get("document")!.keys()]).toEqual([own.objects["document"], "ownkestrelnote"]);
    expect(world.blind).toEqual(["t.title of own", "t.title of other"]);
  });

  const request = { method: "GET", target: "/", headers: {} };
  const answer = (body: string, headers: readonly (readonly [string, string])[] = []) => ({
    status: 200,
    headers,
    body,
  });
  it.each([
    ['{"note":"\\nOwnkestrelnote"}', "the body holds t.note"],
    ["<p>OWNKESTRELNOTE</p>", "the body holds t.note"],
    ["/x?note=%4fwnkestrelnote&broken=%zz", "the body holds t.note"],
    ["%ff%fe Ownkestrelnote", "the body holds t.note"],
    ["Otherkestrelnote shared-word", undefined],
  ])("are found in %s", (body, found) => {
    expect(findMarker(answer(body), request, world.sides.own)).toBe(found);
  });

  it("are found in headers, and not where the request brought them", () => {
    expect(findMarker(answer("", [["location", "/ownkestrelnote"]]), request, world.sides.own)).toBe(
      "location holds t.note",
    );
    const echo = { ...request, target: "/?q=Ownkestrelnote" };
    expect(findMarker(answer("Ownkestrelnote"), echo, world.sides.own)).toBeUndefined();
  });
});

describe("effects and fingerprints", () => {
  it("count equal rows, and look past ignored columns", () => {
    const [a, b] = [row("x", { n: 1, seen: 1 }), row("x", { n: 1, seen: 2 })];
    expect(effectBetween([a], [b], new Set(["t.seen"]))).toEqual({ added: [], removed: [] });
    expect(effectBetween([a], [b], new Set())).toEqual({ added: [b], removed: [a] });
    expect(without([a, a, b], [a])).toEqual([a, b]);
  });

  it("a difference and its reverse undo each other, for any two states", () => {
    const rows = fc.array(fc.integer({ min: 0, max: 3 }).map((n) => row("x", { n })));
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const { added, removed } = effectBetween(before, after, new Set());
        const texts = (list: readonly StateRow[]): string[] => list.map(({ text }) => text).toSorted();
        expect(texts([...without(before, removed), ...added])).toEqual(texts(after));
      }),
    );
  });

  it("look past what is new in every answer, and at nothing else", () => {
    const one = {
      status: 200,
      headers: [
        ["date", "a"],
        ["x-total", "4"],
        ["set-cookie", "x"],
      ] as const,
      body: 'nonce="abcdefghijklmnopq" 3 at 2026-01-01T00:00:00Z',
    };
    const two = {
      ...one,
      headers: [
        ["x-total", "4"],
        ["date", "b"],
      ] as const,
      body: 'nonce="qponmlkjihgfedcba" 3 at 2027-01-01 10:00:00+00',
    };
    expect(fingerprint(one, "GET")).toBe(fingerprint(two, "GET"));
    expect(fingerprint({ ...one, status: 404 }, "GET")).not.toBe(fingerprint(one, "GET"));
    expect(fingerprint({ ...one, body: one.body.replace("3", "4") }, "GET")).not.toBe(fingerprint(one, "GET"));
    const seen = (at: string): string => fingerprint({ ...one, body: `last used ${at}, on a phone` }, "GET");
    expect(seen("26 Nov 2026, 15:30 UTC")).toBe(seen("26 Nov 2026, 15:35 UTC"));
    expect(seen("November 26, 2026 at 9:05")).toBe(seen("December 1, 2026 at 10:00"));
    expect(seen("26 Nov 2026, Alpha")).not.toBe(seen("26 Nov 2026, Bravo"));
    const long = { ...one, headers: [["content-length", "5"]] as const };
    expect(fingerprint(long, "GET")).toBe(fingerprint({ ...long, headers: [["content-length", "6"]] as const }, "GET"));
    expect(fingerprint(long, "HEAD")).not.toBe(
      fingerprint({ ...long, headers: [["content-length", "6"]] as const }, "HEAD"),
    );
    expect(withoutNumbers(fingerprint(one, "GET"))).toBe(
      withoutNumbers(fingerprint({ ...one, body: one.body.replace("3", "41") }, "GET")),
    );
    expect(firstDifference("200\n\na", "404\n\nb")).toBe("status 200 with it and 404 without");
    expect(firstDifference('200\n\n{"n":4}', '200\n\n{"n":2}')).toBe('"{"n":4}" with it and "{"n":2}" without');
  });
});
