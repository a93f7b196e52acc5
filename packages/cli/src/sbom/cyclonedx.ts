/** CycloneDX 1.6 (ECMA-424), as JSON. */
import { isSpdxExpression, type Component, type Inventory } from "./component.ts";
import { CLI_VERSION } from "../version.ts";

/** @param timeMs when what it describes was made, in milliseconds since the epoch */
export function cyclonedx({ root, components, digest }: Inventory, timeMs: number): string {
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: {
      timestamp: new Date(timeMs).toISOString(),
      lifecycles: [{ phase: "pre-build" }],
      tools: { components: [{ type: "application", name: "glacis", version: CLI_VERSION }] },
      component: { type: "application", "bom-ref": root.purl, name: root.name, version: root.version, purl: root.purl },
    },
    components: components.map(componentOf),
    dependencies: [
      { ref: root.purl, dependsOn: root.dependsOn },
      ...components.map(({ purl, dependsOn }) => ({ ref: purl, dependsOn })),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function componentOf({ purl, group, name, version, dev, hashes, licence, address }: Component): object {
  return {
    type: "library",
    "bom-ref": purl,
    ...(group !== undefined && { group }),
    name,
    version,
    scope: dev ? "excluded" : "required",
    ...(hashes.length > 0 && { hashes: hashes.map(({ algorithm, hex }) => ({ alg: algorithm, content: hex })) }),
    ...(licence !== undefined && {
      licenses: [isSpdxExpression(licence) ? { expression: licence } : { license: { name: licence } }],
    }),
    purl,
    ...(address !== undefined &&
      URL.canParse(address) && { externalReferences: [{ type: "distribution", url: address }] }),
    ...(dev && { properties: [{ name: "cdx:npm:package:development", value: "true" }] }),
  };
}

/** A UUID of version 8 (RFC 9562), made of the content: the same content has the same serial number. */
export function uuidOf(digest: string): string {
  const variant = ((Number.parseInt(digest.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(18, 20)}`,
    digest.slice(20, 32),
  ].join("-");
}
