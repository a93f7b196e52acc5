export { canonicalization } from "./canonicalization.ts";
export { PROTO_ACCESSOR, prototypePollution } from "./prototype-pollution.ts";
