import { AbilityBuilder, createMongoAbility, subject } from "@casl/ability";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { newEnforcer, newModelFromString } from "casbin";
import { accessPolicy, caller } from "glacis/authorization";
import { ACTIONS, byHand, PRINCIPALS, ROLES, RULES } from "./scenario.mjs";

function glacisPolicy() {
  return accessPolicy({
    resource: "document",
    columns: { id: "text", tenantId: "text", ownerId: "text", draft: "boolean", locked: "boolean" },
    tenant: "tenantId",
    actions: ACTIONS,
    roles: ROLES,
    conditions: {
      own: { ownerId: caller.userId },
      final: { draft: false },
      draft: { draft: true },
      locked: { locked: true },
    },
    statements: RULES.map(({ effect, role, actions, when }) => ({
      action: actions,
      principal: role === undefined ? "user" : `role:${role}`,
      effect,
      ...(when !== undefined && { condition: when }),
    })),
    report: () => undefined,
  });
}

const CASL_CONDITIONS = {
  own: ({ id }) => ({ ownerId: id }),
  final: () => ({ draft: false }),
  draft: () => ({ draft: true }),
  locked: () => ({ locked: true }),
};

const CASL_ORDER = [
  ...RULES.filter(({ effect }) => effect === "allow"),
  ...RULES.filter(({ effect }) => effect === "deny"),
];

/** As CASL's own guide defines what a user may do: with its builder. Its rules are one user's, and a later one wins, so that denials come last. */
function caslAbility(principal) {
  const { can, cannot, build } = new AbilityBuilder(createMongoAbility);
  const { roles, tenantId } = principal;
  for (const { effect, role, actions, when } of CASL_ORDER) {
    if (role !== undefined && !roles.includes(role)) continue;
    const conditions = when === undefined ? { tenantId } : { tenantId, ...CASL_CONDITIONS[when](principal) };
    (effect === "allow" ? can : cannot)(actions, "Document", conditions);
  }
  return build();
}

const CASBIN_MODEL = `
[request_definition]
r = sub, act, obj
[policy_definition]
p = role, act, cond, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && r.sub.tenantId == r.obj.tenantId && (p.role == "any" || hasRole(r.sub, p.role)) && eval(p.cond)
`;
const CASBIN_CONDITIONS = {
  own: "r.obj.ownerId == r.sub.id",
  final: "r.obj.draft == false",
  draft: "r.obj.draft == true",
  locked: "r.obj.locked == true",
};

async function casbinEnforcer() {
  const enforcer = await newEnforcer(newModelFromString(CASBIN_MODEL));
  await enforcer.addFunction("hasRole", (principal, role) => principal.roles.includes(role));
  await enforcer.addPolicies(
    RULES.flatMap(({ effect, role, actions, when }) =>
      actions.map((action) => [role ?? "any", action, when === undefined ? "true" : CASBIN_CONDITIONS[when], effect]),
    ),
  );
  return enforcer;
}

const CEDAR_CONDITIONS = {
  own: "resource.ownerId == principal.id",
  final: "!resource.draft",
  draft: "resource.draft",
  locked: "resource.locked",
};

function cedarDecide() {
  const text = RULES.map(({ effect, role, actions, when }) => {
    const list = actions.map((action) => `Action::"${action}"`).join(", ");
    const who = role === undefined ? "" : ` && principal.roles.contains("${role}")`;
    const what = when === undefined ? "" : ` && ${CEDAR_CONDITIONS[when]}`;
    return `${effect === "allow" ? "permit" : "forbid"} (principal, action in [${list}], resource) when { resource.tenantId == principal.tenantId${who}${what} };`;
  }).join("\n");
  const parsed = cedar.preparsePolicySet("documents", { staticPolicies: text });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
  return (principal, action, document) => {
    const who = { type: "User", id: principal.id };
    const what = { type: "Document", id: document.id };
    const { id, tenantId, roles } = principal;
    const answer = cedar.statefulIsAuthorized({
      principal: who,
      action: { type: "Action", id: action },
      resource: what,
      context: {},
      preparsedPolicySetId: "documents",
      entities: [
        { uid: who, attrs: { id, tenantId, roles }, parents: [] },
        { uid: what, attrs: document, parents: [] },
      ],
    });
    return answer.type === "success" && answer.response.decision === "allow";
  };
}

const asSubject = (document) => subject("Document", { ...document });

/** Everybody who decides. Each opens to `(principal, action, document) => boolean`, perhaps as a promise. */
export const PEERS = [
  { label: "hand-written if (limit)", decisions: 2_000_000, open: () => byHand },
  { label: "Glacis, permits", decisions: 2_000_000, open: () => glacisPolicy().permits },
  {
    label: "Glacis, decide with refusal",
    decisions: 500_000,
    open() {
      const policy = glacisPolicy();
      return (principal, action, document) => policy.decide(principal, action, document).permitted;
    },
  },
  {
    label: "CASL, cached ability",
    decisions: 500_000,
    open() {
      const abilities = new Map(PRINCIPALS.map((principal) => [principal, caslAbility(principal)]));
      return (principal, action, document) => abilities.get(principal).can(action, asSubject(document));
    },
  },
  {
    label: "CASL, built per request",
    decisions: 50_000,
    open: () => (principal, action, document) => caslAbility(principal).can(action, asSubject(document)),
  },
  {
    label: "casbin, enforceSync",
    decisions: 4000,
    async open() {
      const enforcer = await casbinEnforcer();
      return (...question) => enforcer.enforceSync(...question);
    },
  },
  {
    label: "casbin, enforce",
    decisions: 2000,
    asynchronous: true,
    async open() {
      const enforcer = await casbinEnforcer();
      return (...question) => enforcer.enforce(...question);
    },
  },
  { label: "Cedar wasm, preparsed", decisions: 2000, open: cedarDecide },
];
