import { publicAccess, type Security } from "glacis";
import { access, secureHono } from "glacis/hono";
import { input } from "glacis/input";
import { Hono } from "hono";
import { z } from "zod";
import { accountApi } from "./accounts/api.ts";
import { activityRoutes } from "./activity/routes.ts";
import { peopleRoutes } from "./accounts/people-routes.ts";
import { apiKeyRoutes } from "./accounts/api-key-routes.ts";
import { accountRoutes } from "./accounts/routes.ts";
import { securityAccess } from "./accounts/security-access.ts";
import { secondFactorRoutes } from "./accounts/second-factor-routes.ts";
import { ASSET_PREFIX } from "./assets.ts";
import { attachmentApi } from "./attachments/api.ts";
import { attachmentRoutes } from "./attachments/routes.ts";
import { documentApi, previewApi } from "./documents/api.ts";
import { documentRoutes } from "./documents/routes.ts";
import { notFound, PATHS } from "./input.ts";
import { outboxRoutes } from "./outbox/routes.ts";
import type { Services } from "./services.ts";
import { supportRoutes } from "./support/routes.ts";
import { webhookRoutes } from "./webhooks/routes.ts";

const AssetPath = input({ params: { file: z.string().max(100) } }, PATHS);
const ONE_YEAR_IMMUTABLE = "public, max-age=31536000, immutable";

/** Every route of the application, each with its access rule. */
export function createApp(security: Security, services: Services): Hono {
  const app = new Hono();
  secureHono(app, security);

  app.get("/healthz", access(publicAccess("health check of the load balancer"), { kind: "api" }), (c) =>
    services.ready() ? c.json({ status: "ok" }) : c.json({ status: "unavailable" }, 503),
  );
  app.get(
    "/robots.txt",
    access(publicAccess("crawlers"), { kind: "asset", cacheControl: "public, max-age=3600" }),
    (c) => c.text("User-agent: *\nDisallow: /documents\nDisallow: /settings\nDisallow: /people\nDisallow: /activity\n"),
  );
  app.get(
    `${ASSET_PREFIX}:file`,
    access(publicAccess("stylesheet and icon"), { kind: "asset", cacheControl: ONE_YEAR_IMMUTABLE, input: AssetPath }),
    (c) => {
      const asset = services.assets.find(c.req.path) ?? notFound();
      return c.body(asset.content, 200, { "content-type": asset.mediaType });
    },
  );

  accountRoutes(app, services);
  secondFactorRoutes(app, services);
  apiKeyRoutes(app, services);
  webhookRoutes(app, services);
  peopleRoutes(app, services);
  activityRoutes(app, services);
  securityAccess(app, services);
  documentRoutes(app, services);
  attachmentRoutes(app, services);
  supportRoutes(app, services);
  accountApi(app, services);
  documentApi(app, services);
  attachmentApi(app, services);
  previewApi(app, services);
  if (services.outbox !== undefined) outboxRoutes(app, services, services.outbox);
  return app;
}
