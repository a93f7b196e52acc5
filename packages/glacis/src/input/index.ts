export { PROTO_ACCESSOR, prototypePollution } from "./prototype-pollution.ts";
