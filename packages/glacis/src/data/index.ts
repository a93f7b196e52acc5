export { keyRing, newKey } from "./key-ring.ts";
