/** Webhooks as a whole: their own way out, where they are kept, and who delivers. */
import type { AuditEvent, Control } from "glacis";
import { fieldEncryption, type keyRing } from "glacis/data";
import { outbound, type OutboundOptions } from "glacis/network";
import type { Database } from "../database/database.ts";
import { webhookWorker, type WebhookWorker } from "./delivery.ts";
import { webhooksIn, type Webhooks } from "./webhooks.ts";

export interface Hooks {
  readonly control: Control;
  readonly webhooks: Webhooks;
  readonly worker: WebhookWorker;
  /** Delivers from now on. @returns ends that, and closes the way out */
  start(): () => Promise<void>;
}

export interface HooksParts {
  readonly database: Database;
  readonly keys: ReturnType<typeof keyRing>;
  readonly report: (event: AuditEvent) => void;
  /** How the way out differs from the careful default, such as in a test that has a receiver of its own. */
  readonly outbound?: Partial<OutboundOptions> | undefined;
}

/** Of an answer nothing is wanted but its status. */
const ANSWER_BYTES = 64 * 1024;

export function hooksOf({ database, keys, report, outbound: different = {} }: HooksParts): Hooks {
  const out = outbound({
    hosts: "public-only",
    maxResponseBytes: ANSWER_BYTES,
    timeoutMs: 10_000,
    proxy: "direct",
    report,
    ...different,
  });
  const sealer = fieldEncryption({ keys, report }).column({ table: "webhooks", column: "secret" });
  const worker = webhookWorker({ database, sealer, out, report });
  return {
    control: out.control,
    webhooks: webhooksIn({ database, sealer, out }),
    worker,
    start() {
      const stop = worker.start();
      return async () => {
        await stop();
        await out.close();
      };
    },
  };
}
