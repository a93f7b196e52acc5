/** The stages, and what each has to itself: an account, a domain, certificates. Nothing here is a secret. */
import { readFileSync } from "node:fs";

export const STAGES = ["staging", "production"] as const;
export type Stage = (typeof STAGES)[number];

export interface Environment {
  readonly stage: Stage;
  /** Twelve digits; no other stage may have the same. */
  readonly account: string;
  readonly region: string;
  readonly availabilityZones: readonly string[];
  /** The private addresses of the stage, such as `10.20.0.0/16`. */
  readonly cidr: string;
  /** The public name, such as `docs.example.com`. */
  readonly domain: string;
  /** Of that name, in us-east-1: CloudFront reads no other region. */
  readonly certificateArn: string;
  /** Of the same name, in the region of the stage: CloudFront speaks HTTPS to the load balancer too. */
  readonly originCertificateArn: string;
  /** What the edge stack of the stage printed. */
  readonly webAclArn: string;
  /** The region's `com.amazonaws.global.cloudfront.origin-facing`. */
  readonly edgePrefixListId: string;
  /** The region's `com.amazonaws.<region>.s3`. */
  readonly storagePrefixListId: string;
  /** Where the image lies, and which one: a digest, for a tag can be moved. */
  readonly repository: string;
  readonly imageDigest: string;
  readonly mailFrom: string;
  readonly alarmMail: string;
}

const SHAPES: Readonly<Record<Exclude<keyof Environment, "stage" | "availabilityZones">, RegExp>> = {
  account: /^\d{12}$/u,
  region: /^[a-z]{2}(?:-[a-z]+)+-\d$/u,
  cidr: /^10\.\d{1,3}\.0\.0\/16$/u,
  domain: /^(?:[a-z0-9-]+\.)+[a-z]{2,}$/u,
  certificateArn: /^arn:aws:acm:us-east-1:\d{12}:certificate\/[\w-]+$/u,
  originCertificateArn: /^arn:aws:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/u,
  webAclArn: /^arn:aws:wafv2:us-east-1:\d{12}:global\/webacl\/[\w-]+\/[\w-]+$/u,
  edgePrefixListId: /^pl-[0-9a-f]+$/u,
  storagePrefixListId: /^pl-[0-9a-f]+$/u,
  repository: /^[a-z0-9][a-z0-9._/-]*$/u,
  imageDigest: /^sha256:[0-9a-f]{64}$/u,
  mailFrom: /^[^\n]+@[^\n]+$/u,
  alarmMail: /^[^\s@]+@[^\s@]+$/u,
};
/** What two stages must not share. */
const OWN = ["account", "domain", "cidr"] as const;

/**
 * Reads every stage from one file, so that what they share by mistake shows.
 *
 * @throws TypeError naming the stage and the field
 */
export function readEnvironments(path: string): ReadonlyMap<Stage, Environment> {
  const file = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, Environment>>;
  const environments = new Map(STAGES.map((stage) => [stage, validated(stage, file[stage])]));
  const all = [...environments.values()];
  for (const field of OWN)
    if (new Set(all.map((one) => one[field])).size !== all.length)
      throw new TypeError(
        `Two stages share one ${field}. Give each its own: whoever is in one must not be in the other.`,
      );
  return environments;
}

function validated(stage: Stage, given: Environment | undefined): Environment {
  if (given === undefined) throw new TypeError(`There is no ${stage} in the environments.`);
  for (const [field, shape] of Object.entries(SHAPES)) {
    const value = (given as unknown as Readonly<Record<string, unknown>>)[field];
    if (typeof value !== "string" || !shape.test(value))
      throw new TypeError(`${stage} needs ${field} of the form ${shape.source}.`);
  }
  if (!Array.isArray(given.availabilityZones) || given.availabilityZones.length < 2)
    throw new TypeError(`${stage} needs availabilityZones: two or more, by name.`);
  for (const field of ["certificateArn", "originCertificateArn", "webAclArn"] as const)
    if (!given[field].includes(`:${given.account}:`))
      throw new TypeError(`${stage} has a ${field} of another account.`);
  return { ...given, stage };
}
