/** SPDX 2.3 (ISO/IEC 5962 and its successor), as JSON. */
import { createHash } from "node:crypto";
import { CLI_VERSION } from "../version.ts";
import { isSpdxExpression, type Component, type Inventory } from "./component.ts";
import { uuidOf } from "./cyclonedx.ts";

/** @param timeMs when what it describes was made, in milliseconds since the epoch */
export function spdx({ root, components, digest }: Inventory, timeMs: number): string {
  const dev = new Set(components.filter((component) => component.dev).map(({ purl }) => purl));
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${root.name}@${root.version}`,
    documentNamespace: `https://spdx.org/spdxdocs/glacis-${uuidOf(digest)}`,
    creationInfo: {
      // Seconds, without fractions: the format knows no others.
      created: `${new Date(timeMs).toISOString().slice(0, 19)}Z`,
      creators: [`Tool: glacis-${CLI_VERSION}`],
    },
    documentDescribes: [idOf(root.purl)],
    packages: [
      packageOf({ ...root, group: undefined, dev: false, hashes: [], licence: undefined, address: undefined }),
      ...components.map(packageOf),
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: idOf(root.purl) },
      ...[root, ...components].flatMap(({ purl, dependsOn }) =>
        dependsOn.map((target) =>
          purl === root.purl && dev.has(target)
            ? { spdxElementId: idOf(target), relationshipType: "DEV_DEPENDENCY_OF", relatedSpdxElement: idOf(purl) }
            : { spdxElementId: idOf(purl), relationshipType: "DEPENDS_ON", relatedSpdxElement: idOf(target) },
        ),
      ),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function packageOf({ purl, group, name, version, hashes, licence, address }: Component): object {
  return {
    SPDXID: idOf(purl),
    name: group === undefined ? name : `${group}/${name}`,
    versionInfo: version,
    downloadLocation: address !== undefined && URL.canParse(address) ? address : "NOASSERTION",
    filesAnalyzed: false,
    ...(hashes.length > 0 && {
      checksums: hashes.map(({ algorithm, hex }) => ({ algorithm: algorithm.replace("-", ""), checksumValue: hex })),
    }),
    licenseConcluded: "NOASSERTION",
    licenseDeclared: licence !== undefined && isSpdxExpression(licence) ? licence : "NOASSERTION",
    copyrightText: "NOASSERTION",
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
  };
}

/** Letters, digits, dots and hyphens are allowed in an id; the hash keeps apart what they cannot. */
function idOf(purl: string): string {
  const words = decodeURIComponent(purl.replace(/^pkg:npm\//u, "").replace(/\?.*$/u, ""));
  return `SPDXRef-${words.replaceAll(/[^A-Za-z0-9.]+/gu, "-")}-${createHash("sha256").update(purl).digest("hex").slice(0, 8)}`;
}
