/** Every rule of the scan. Adding one is adding a line here and a heading to docs/controls/static-analysis.md. */
import type { ScanRule } from "../rule.ts";
import { CODE_INJECTION, TEMPLATE_INJECTION } from "./code-injection.ts";
import { ARGUMENT_INJECTION, COMMAND_INJECTION } from "./command-injection.ts";
import { DOM_SCRIPT, REFLECTED_SCRIPT, SCRIPT_LINK } from "./cross-site-scripting.ts";
import { OPEN_REDIRECT } from "./open-redirect.ts";
import { PATH_TRAVERSAL } from "./path-traversal.ts";
import { SERVER_SIDE_REQUEST_FORGERY } from "./server-side-request-forgery.ts";
import { SQL_INJECTION } from "./sql-injection.ts";

export const SCAN_RULES: readonly ScanRule[] = [
  SQL_INJECTION,
  COMMAND_INJECTION,
  ARGUMENT_INJECTION,
  PATH_TRAVERSAL,
  SERVER_SIDE_REQUEST_FORGERY,
  REFLECTED_SCRIPT,
  DOM_SCRIPT,
  SCRIPT_LINK,
  OPEN_REDIRECT,
  CODE_INJECTION,
  TEMPLATE_INJECTION,
];
