declare const brand: unique symbol;

/** A value that one module has checked; nothing else can mint it without a visible cast. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type RequestId = Brand<string, "RequestId">;
export type Nonce = Brand<string, "Nonce">;
export type ClientAddress = Brand<string, "ClientAddress">;
export type TenantId = Brand<string, "TenantId">;
export type UserId = Brand<string, "UserId">;
