/** Twenty statements over documents of a tenant, callers and rows to ask about, and the same policy by hand. */

/** `own`: the caller owns it; `final`, `draft`, `locked`: its flags. Every allowance is bounded to the caller's tenant. */
export const RULES = [
  { effect: "deny", role: undefined, actions: ["update", "destroy"], when: "locked" },
  { effect: "deny", role: "suspended", actions: ["create", "update", "destroy"], when: undefined },
  { effect: "allow", role: undefined, actions: ["list", "retrieve"], when: "own" },
  { effect: "allow", role: undefined, actions: ["list", "retrieve"], when: "final" },
  { effect: "allow", role: undefined, actions: ["create", "update", "destroy"], when: "own" },
  { effect: "allow", role: "editor", actions: ["list", "retrieve"], when: "draft" },
  { effect: "allow", role: "editor", actions: ["update"], when: "draft" },
  { effect: "allow", role: "publisher", actions: ["update"], when: "final" },
  { effect: "allow", role: "publisher", actions: ["destroy"], when: "draft" },
  { effect: "allow", role: "auditor", actions: ["list", "retrieve"], when: undefined },
  { effect: "allow", role: "auditor", actions: ["list", "retrieve"], when: "locked" },
  { effect: "allow", role: "owner", actions: ["list"], when: undefined },
  { effect: "allow", role: "owner", actions: ["retrieve"], when: undefined },
  { effect: "allow", role: "owner", actions: ["create"], when: undefined },
  { effect: "allow", role: "owner", actions: ["update"], when: undefined },
  { effect: "allow", role: "owner", actions: ["destroy"], when: undefined },
  { effect: "allow", role: "admin", actions: ["list", "retrieve"], when: undefined },
  { effect: "allow", role: "admin", actions: ["create"], when: undefined },
  { effect: "allow", role: "admin", actions: ["update"], when: "final" },
  { effect: "allow", role: "admin", actions: ["destroy"], when: "final" },
];

export const ACTIONS = { list: "list", retrieve: "read", create: "create", update: "update", destroy: "delete" };
export const ROLES = ["suspended", "editor", "publisher", "auditor", "owner", "admin"];

const TENANTS = ["tenant-1", "tenant-2"];
const PEOPLE = ["person-1", "person-2", "person-3", "person-4"];

export const PRINCIPALS = PEOPLE.flatMap((id) =>
  TENANTS.flatMap((tenantId) =>
    [[], ["editor"], ["admin"], ["suspended", "owner"]].map((roles) => ({
      kind: "user",
      id,
      tenantId,
      roles,
      assurance: 1,
      authenticatedAtMs: 0,
    })),
  ),
);

export const DOCUMENTS = TENANTS.flatMap((tenantId) =>
  PEOPLE.flatMap((ownerId) =>
    [true, false].flatMap((draft) =>
      [true, false].map((locked) => ({ id: `${ownerId}-${draft}-${locked}`, tenantId, ownerId, draft, locked })),
    ),
  ),
);

/**
 * Questions in an order of chance, the same for every row, about documents of the caller's own tenant: one of another tenant is an incident,
 * for which Glacis also writes an event. That everybody refuses those is checked before.
 */
export function questions(count) {
  const any = (list) => list[Math.floor(Math.random() * list.length)];
  return Array.from({ length: count }, () => {
    const principal = any(PRINCIPALS);
    const own = DOCUMENTS.filter(({ tenantId }) => tenantId === principal.tenantId);
    return { principal, action: any(Object.keys(ACTIONS)), document: any(own) };
  });
}

/** The least that decides: what one would write for this policy alone. */
export function byHand({ kind, roles, id, tenantId }, action, document) {
  if (kind !== "user" || document.tenantId !== tenantId) return false;
  const own = document.ownerId === id;
  const { draft, locked } = document;
  switch (action) {
    case "list":
    case "retrieve":
      return (
        own ||
        !draft ||
        roles.includes("editor") ||
        roles.includes("auditor") ||
        roles.includes("owner") ||
        roles.includes("admin")
      );
    case "create":
      return !roles.includes("suspended") && (own || roles.includes("owner") || roles.includes("admin"));
    case "update":
      if (locked || roles.includes("suspended")) return false;
      if (own || roles.includes("owner")) return true;
      return draft ? roles.includes("editor") : roles.includes("publisher") || roles.includes("admin");
    case "destroy":
      if (locked || roles.includes("suspended")) return false;
      if (own || roles.includes("owner")) return true;
      return draft ? roles.includes("publisher") : roles.includes("admin");
    default:
      return false;
  }
}
