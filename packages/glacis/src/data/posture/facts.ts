/** What the catalogs of a database say, as far as the posture is judged by it. Names are as Postgres keeps them, unquoted. */

export interface ServerFacts {
  readonly version: number;
  readonly versionText: string;
  readonly login: string;
  readonly current: string;
  readonly database: string;
  /** The client's address, null over a Unix socket. */
  readonly clientAddress: string | null;
  readonly loopback: boolean;
  readonly tls: boolean | null;
  readonly tlsVersion: string | null;
  readonly settings: Readonly<Record<string, string | null>>;
}

/** A role that a login or the runtime role is, or can become. */
export interface RoleFacts {
  /** Who is asked about: the login or the runtime role. */
  readonly member: string;
  readonly name: string;
  /** The role itself, and not one that it can become. */
  readonly self: boolean;
  readonly superuser: boolean;
  readonly bypassesRls: boolean;
  readonly createsRoles: boolean;
  readonly createsDatabases: boolean;
  readonly replicates: boolean;
  /** The first role on the way to it, which was granted. */
  readonly through: string;
  /** It may grant the role on. */
  readonly admin: boolean;
  readonly ownsTenantTables: boolean;
  readonly ownsDatabase: boolean;
}

export interface TableFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: "r" | "p" | "f";
  readonly rls: boolean;
  readonly forced: boolean;
  readonly owner: string;
  readonly ownerExempt: boolean;
  readonly unlogged: boolean;
  readonly parents: readonly number[];
  readonly partition: boolean;
  readonly columns: readonly ColumnFacts[];
  /** What the runtime role may do, column grants included. */
  readonly privileges: readonly string[];
  readonly publicPrivileges: readonly string[];
}

export interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** By the runtime role. */
  readonly readable: boolean;
}

export interface PolicyFunction {
  readonly name: string;
  readonly definer: boolean;
  readonly volatile: boolean;
  /** Its signature, where it is declared IMMUTABLE and reads settings, roles or tables all the same. */
  readonly frozen: string | null;
}

export interface PolicyFacts {
  readonly table: number;
  readonly name: string;
  /** `*` or the first letter of the verb, as in pg_policy; update is `w`. */
  readonly command: "*" | "r" | "a" | "w" | "d";
  readonly permissive: boolean;
  readonly roles: readonly string[];
  readonly toPublic: boolean;
  /** It holds for the runtime role as it is. */
  readonly applies: boolean;
  /** It holds for a role that the runtime role or the login can become. */
  readonly reachable: boolean;
  readonly exemptRoles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
  /** Functions that are not built in. */
  readonly functions: readonly PolicyFunction[];
  /** Other tables that it reads. */
  readonly reads: readonly number[];
}

export interface ForeignKeyFacts {
  readonly table: number;
  readonly name: string;
  readonly columns: readonly string[];
  readonly target: number;
  readonly targetColumns: readonly string[];
  readonly validated: boolean;
  readonly enforced: boolean;
  readonly onDelete: string;
  /** The columns that ON DELETE SET NULL empties. */
  readonly emptied: readonly string[];
}

export interface IndexFacts {
  readonly table: number;
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique: boolean;
  readonly primary: boolean;
  readonly valid: boolean;
  readonly partial: boolean;
  readonly exclusion: boolean;
  /** Made of more than columns. */
  readonly expression: boolean;
  /** It belongs to a constraint of its name. */
  readonly constraint: boolean;
  /** Nothing in it but uuids, which nobody can guess. */
  readonly unguessable: boolean;
}

export interface ViewFacts {
  readonly schema: string;
  readonly name: string;
  readonly materialized: boolean;
  readonly invoker: boolean;
  readonly barrier: boolean;
  readonly ownerExempt: boolean;
  readonly readable: boolean;
  /** The tables underneath, through other views as well. */
  readonly tables: readonly number[];
  /** Signatures of functions that run as their owners. */
  readonly definers: readonly string[];
}

export interface FunctionFacts {
  readonly schema: string;
  readonly name: string;
  readonly signature: string;
  readonly definer: boolean;
  readonly leakproof: boolean;
  readonly trusted: boolean;
  readonly owner: string;
  readonly ownerExempt: boolean;
  readonly searchPath: string | null;
  /** Names in it were resolved when it was made. */
  readonly bound: boolean;
  readonly executable: boolean;
  readonly publicExecutable: boolean;
}

export interface TriggerFacts {
  readonly table: number;
  readonly name: string;
  readonly internal: boolean;
  readonly disabled: boolean;
  readonly definer: boolean;
  /** The signature of its function. */
  readonly function: string;
}

/** Anything else that stands somewhere by name, by the question it answers. */
export interface ObjectFacts {
  readonly area: string;
  readonly name: string;
  readonly detail: string | null;
}

export interface Facts {
  readonly server: ServerFacts;
  readonly runtime: string;
  readonly roles: readonly RoleFacts[];
  readonly tables: readonly TableFacts[];
  readonly policies: readonly PolicyFacts[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  readonly indexes: readonly IndexFacts[];
  readonly views: readonly ViewFacts[];
  readonly functions: readonly FunctionFacts[];
  readonly triggers: readonly TriggerFacts[];
  readonly objects: readonly ObjectFacts[];
  /** The column that holds the tenant, by table. */
  readonly tenantColumns: ReadonlyMap<number, string>;
  /** Tables that every tenant may read, by `schema.name`. */
  readonly shared: ReadonlySet<string>;
  readonly setting: string;
}
