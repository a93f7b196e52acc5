/** The tables as Drizzle sees them. What protects them (policies, keys, grants) is in the migrations. */
import { sql, type SQL } from "drizzle-orm";
import { bigint, boolean, customType, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { sealedColumn, type Sealed } from "glacis/data";

export const tenants = pgTable("tenants", {
  id: uuid("id").primaryKey(),
  name: text("name").notNull(),
  requiresSecondFactor: boolean("requires_second_factor").notNull().default(false),
});

export const users = pgTable("users", {
  tenantId: uuid("tenant_id").notNull(),
  id: uuid("id").notNull(),
  name: text("name").notNull(),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

export const memberships = pgTable("memberships", {
  tenantId: uuid("tenant_id").notNull(),
  userId: uuid("user_id").notNull(),
  role: text("role", { enum: ["owner", "admin", "member", "viewer"] }).notNull(),
});

/** The address of somebody in the transaction's own tenant; null for anybody else. Accounts are the library's, and no query here reads them. */
export const addressOf: SQL<string | null> = sql<string | null>`colleague_address(${users.id})`;

export const documents = pgTable("documents", {
  tenantId: uuid("tenant_id").notNull(),
  id: uuid("id").primaryKey().defaultRandom(),
  ownerId: uuid("owner_id").notNull(),
  title: text("title").notNull(),
  body: text("body").notNull(),
  link: text("link"),
  version: integer("version").notNull().default(1),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
  updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
});

export const documentShares = pgTable("document_shares", {
  tenantId: uuid("tenant_id").notNull(),
  documentId: uuid("document_id").notNull(),
  ownerId: uuid("owner_id").notNull(),
  userId: uuid("user_id").notNull(),
  permission: text("permission", { enum: ["view", "edit"] }).notNull(),
});

export const attachments = pgTable("attachments", {
  tenantId: uuid("tenant_id").notNull(),
  id: uuid("id").primaryKey().defaultRandom(),
  documentId: uuid("document_id").notNull(),
  addedBy: uuid("added_by"),
  storageKey: text("storage_key").notNull(),
  name: text("name").notNull(),
  mediaType: text("media_type").notNull(),
  bytes: bigint("bytes", { mode: "number" }).notNull(),
  sha256: text("sha256").notNull(),
  scan: text("scan", { enum: ["clean", "none", "pending", "infected"] }).notNull(),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

/** What is to be done with files in the storage. Under no tenant's policy, because it is done for all of them. */
export const fileTasks = pgTable("file_tasks", {
  storageKey: text("storage_key").primaryKey(),
  tenant: text("tenant").notNull(),
  bytes: bigint("bytes", { mode: "number" }).notNull(),
  task: text("task", { enum: ["arriving", "scan", "remove"] }).notNull(),
  since: timestamp("since", { withTimezone: true }).notNull().defaultNow(),
});

const sealed = customType<{ data: Sealed; driverData: string }>(sealedColumn);

export const webhooks = pgTable("webhooks", {
  tenantId: uuid("tenant_id").notNull(),
  id: uuid("id").primaryKey(),
  endpoint: text("endpoint").notNull(),
  secret: sealed("secret").notNull(),
  addedBy: uuid("added_by"),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

export const webhookDeliveries = pgTable("webhook_deliveries", {
  tenantId: uuid("tenant_id").notNull(),
  id: uuid("id").primaryKey().defaultRandom(),
  webhookId: uuid("webhook_id").notNull(),
  event: text("event").notNull(),
  documentId: uuid("document_id"),
  state: text("state", { enum: ["waiting", "delivered", "given_up"] }).notNull(),
  outcome: text("outcome"),
  attempts: integer("attempts").notNull().default(0),
  triedAt: timestamp("tried_at", { withTimezone: true }),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

/** Which delivery is due, and when. Under no tenant's policy, because deliveries are made for all of them. */
export const webhookQueue = pgTable("webhook_queue", {
  tenant: uuid("tenant").notNull(),
  deliveryId: uuid("delivery_id").primaryKey(),
  attempts: integer("attempts").notNull().default(0),
  dueAt: timestamp("due_at", { withTimezone: true }).notNull().defaultNow(),
});
