/** What each column says about people. What is hidden from logs, what a person is given and what goes with him follow from it. */
import { is } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { personalData, type PersonalDataMap } from "glacis/data";
import * as schema from "./schema.ts";

const ACCOUNT = { basis: "while the account exists" } as const;

export const PERSONAL_DATA: PersonalDataMap = personalData({
  subject: "users",
  tables: {
    users: {
      columns: { tenant_id: "internal", id: "internal", name: "personal", created_at: "internal" },
      erase: "delete",
      retention: ACCOUNT,
    },
    memberships: {
      columns: { tenant_id: "internal", user_id: "internal", role: "internal", created_at: "internal" },
      key: "user_id",
      subject: "user_id",
    },
    // People write what they like, and about whom they like.
    documents: {
      columns: {
        tenant_id: "internal",
        id: "internal",
        owner_id: "internal",
        title: "personal",
        body: "personal",
        link: "personal",
        version: "internal",
        created_at: "internal",
        updated_at: "internal",
      },
      subject: "owner_id",
      retention: ACCOUNT,
    },
    document_shares: {
      columns: {
        tenant_id: "internal",
        document_id: "internal",
        owner_id: "internal",
        user_id: "internal",
        permission: "internal",
        created_at: "internal",
      },
      key: "document_id",
      subject: "user_id",
      others: ["document_id", "owner_id"],
    },
    attachments: {
      columns: {
        tenant_id: "internal",
        id: "internal",
        document_id: "internal",
        added_by: "internal",
        storage_key: "internal",
        name: "personal",
        media_type: "internal",
        bytes: "internal",
        sha256: "internal",
        scan: "internal",
        created_at: "internal",
      },
      subject: { column: "document_id", of: "documents" },
      others: ["added_by"],
      retention: ACCOUNT,
    },
    // A workspace is nobody's own: it goes with the last person in it.
    tenants: {
      columns: { id: "internal", name: "internal", created_at: "internal", requires_second_factor: "internal" },
    },
    file_tasks: {
      columns: { storage_key: "internal", tenant: "internal", bytes: "internal", task: "internal", since: "internal" },
      key: "storage_key",
    },
    // The workspace's own, whoever added it. An address may hold a word that opens something, so no log has it.
    webhooks: {
      columns: {
        tenant_id: "internal",
        id: "internal",
        endpoint: "personal",
        secret: "secret",
        added_by: "internal",
        created_at: "internal",
      },
      subject: "added_by",
      erase: "keep",
      retention: { basis: "the workspace's, until somebody in it removes it" },
    },
    webhook_deliveries: {
      columns: {
        tenant_id: "internal",
        id: "internal",
        webhook_id: "internal",
        event: "internal",
        document_id: "internal",
        state: "internal",
        outcome: "internal",
        attempts: "internal",
        tried_at: "internal",
        created_at: "internal",
      },
    },
    webhook_queue: {
      columns: { tenant: "internal", delivery_id: "internal", attempts: "internal", due_at: "internal" },
      key: "delivery_id",
    },
  },
});

/** Every column that the program knows, so that one which nobody has classified is found without a database. */
export function schemaColumns(): Readonly<Record<string, readonly string[]>> {
  const tables = Object.values(schema).flatMap((value: unknown) => (is(value, PgTable) ? [getTableConfig(value)] : []));
  return Object.fromEntries(tables.map(({ name, columns }) => [name, columns.map((column) => column.name)]));
}
