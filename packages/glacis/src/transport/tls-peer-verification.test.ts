import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { tlsPeerVerification } from "./tls-peer-verification.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "22.20.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};

function ids(change: Partial<Deployment>): readonly string[] {
  return tlsPeerVerification()
    .check({ ...production, ...change })
    .map(({ rule }) => rule.id);
}

describe("tls-peer-verification", () => {
  it("finds the variable that turns verification off, at the value that Node obeys", () => {
    const setTo = (value: string): Partial<Deployment> => ({
      variables: new Map([["NODE_TLS_REJECT_UNAUTHORIZED", value]]),
    });
    expect(ids(setTo("0"))).toEqual(["tls-peer-verification/off"]);
    expect(ids(setTo("1"))).toEqual([]);
    expect(ids({})).toEqual([]);
  });

  it.each(["--tls-min-v1.0", "--tls-min-v1.1", "--tls_min_v1.0"])("finds %s", (flag) => {
    expect(ids({ nodeOptions: [flag] })).toEqual(["tls-peer-verification/old-protocol"]);
  });

  it.each(["--tls-keylog=/tmp/keys", "--tls_keylog", "--trace-tls"])(
    "finds %s, which gives away what TLS hides",
    (flag) => {
      expect(ids({ nodeOptions: [flag] })).toEqual(["tls-peer-verification/keys-written"]);
    },
  );

  it("does not mind a stricter floor", () => {
    expect(ids({ nodeOptions: ["--tls-min-v1.2", "--tls-min-v1.3"] })).toEqual([]);
  });
});
