import { allOf, assurance, signInFirst, type AccessRule } from "glacis";

/** Pages are for people: a program, which comes by a key, has no session and is refused; a stranger is led to the sign-in. */
export function forPeople(...rules: readonly AccessRule[]): AccessRule {
  return signInFirst("/sign-in", allOf(assurance(1), ...rules));
}
