import { hash, randomBytes } from "node:crypto";
import { readClientData } from "./passkey-response.ts";
import type { PasskeyChallenge, PasskeyStore } from "./passkey-store.ts";
import { mintToken, tokenCookie, type Responding } from "./session-cookies.ts";

const CHALLENGE_BYTES = 32;
export const CHALLENGE_SECONDS = 300;

/** The challenge as it was asked, and what is known of it. */
export interface AnsweredChallenge {
  readonly text: string;
  readonly taken: PasskeyChallenge;
}

export interface PasskeyChallenges {
  /** A new challenge for this browser. A second one leaves the first good, for the sake of a second tab. */
  issue(request: Responding, purpose: PasskeyChallenge["purpose"], userId: string | undefined): Promise<string>;
  /** Takes the challenge that an answer names, whatever comes of the answer, and refuses what was made inside another site's page. */
  answered(
    request: Responding,
    purpose: PasskeyChallenge["purpose"],
    clientDataJSON: string,
  ): Promise<AnsweredChallenge | "malformed" | "challenge_unknown" | "embedded">;
}

/** Challenges of 256 bits, each for one answer from one browser within five minutes; the store has only their hashes. */
export function passkeyChallenges(store: PasskeyStore): PasskeyChallenges {
  const cookie = tokenCookie("__Host-passkey", { sameSite: "Strict", maxAgeSeconds: CHALLENGE_SECONDS });
  return {
    async issue(request, purpose, userId) {
      const known = cookie.idIn(request);
      const minted = mintToken();
      const token = known === undefined ? minted.token : (request.cookies.get(cookie.name) as string);
      const text = randomBytes(CHALLENGE_BYTES).toString("base64url");
      const endsAtMs = request.receivedAtMs + CHALLENGE_SECONDS * 1000;
      await store.challenge({ id: idOf(text), browserId: known ?? minted.id, purpose, userId, endsAtMs });
      request.addResponseHeaders([cookie.set(token)]);
      return text;
    },
    async answered(request, purpose, clientDataJSON) {
      const data = readClientData(clientDataJSON);
      if (data === undefined) return "malformed";
      const browserId = cookie.idIn(request);
      if (browserId === undefined) return "challenge_unknown";
      const taken = await store.take(idOf(data.challenge), browserId, purpose, request.receivedAtMs);
      if (taken === undefined) return "challenge_unknown";
      return data.embedded ? "embedded" : { text: data.challenge, taken };
    },
  };
}

function idOf(challenge: string): string {
  return hash("sha256", challenge, "base64url");
}
