import { describe, expect, it } from "vitest";
import { personalData, type PersonalDataOptions } from "./personal-data.ts";
import { suggestedClass } from "./personal-names.ts";

const users = { columns: { id: "internal", email: "personal" }, erase: "delete" } as const;

describe("personalData", () => {
  it("says what to encrypt and what not to log", () => {
    const map = personalData({
      subject: "users",
      tables: {
        users: {
          columns: {
            id: "internal",
            name: "public",
            email: "personal",
            ssn: "sensitive",
            password_hash: "secret",
            totp: "secret",
          },
          hashed: ["password_hash"],
        },
        logins: { columns: { id: "internal", user_id: "internal", ip: "personal" }, subject: "user_id" },
      },
    });
    expect(map.encryptedColumns).toEqual([
      { table: "users", column: "ssn" },
      { table: "users", column: "totp" },
    ]);
    expect(map.redactionKeys).toEqual(["email", "ssn", "password_hash", "totp", "ip"]);
    expect(map.classOf("users", "email")).toBe("personal");
    expect(map.classOf("users", "constructor")).toBe("sensitive");
    expect([map.classOf("users", "new_column"), map.classOf("elsewhere", "id")]).toEqual(["sensitive", "sensitive"]);
  });

  it.each<[string, Partial<PersonalDataOptions> | object, RegExp]>([
    ["no subject", { subject: "people", tables: { users } }, /subject as one of its tables/u],
    ["a class that is none", { tables: { users: { columns: { id: "private" } } } }, /knows the classes/u],
    ["a key that is no column", { tables: { users: { columns: { email: "personal" } } } }, /"id", which is not/u],
    [
      "a link to no table",
      { tables: { users, a: { columns: { id: "internal", b: "internal" }, subject: { column: "b", of: "c" } } } },
      /no table of the map/u,
    ],
    ["a kept table without a reason", { tables: { users: { ...users, erase: "keep" } } }, /basis/u],
    [
      "somebody else's column that is none",
      { tables: { users: { ...users, others: ["boss"] } } },
      /"boss", which is not/u,
    ],
    ["an action that is none", { tables: { users: { ...users, erase: "drop" } } }, /delete, anonymise/u],
    ["a misspelt option", { tables: { users: { ...users, erased: "delete" } } }, /Did you mean "erase"/u],
    ["no days", { tables: { users: { ...users, retention: { column: "id", days: 0 } } } }, /whole number of days/u],
    [
      "a circle",
      {
        tables: {
          users,
          a: { columns: { id: "internal", b: "internal" }, subject: { column: "b", of: "b" } },
          b: { columns: { id: "internal", a: "internal" }, subject: { column: "a", of: "a" } },
        },
      },
      /circle/u,
    ],
    [
      "a link to nobody",
      {
        tables: {
          users,
          a: { columns: { id: "internal" } },
          b: { columns: { id: "internal", a: "internal" }, subject: { column: "a", of: "a" } },
        },
      },
      /no way from "a"/u,
    ],
    [
      "a name that Postgres would not take",
      { tables: { users, "a\0b": { columns: { id: "internal" } } } },
      /null character/u,
    ],
  ])("refuses %s", (_, options, message) => {
    expect(() => personalData({ subject: "users", ...options } as PersonalDataOptions)).toThrow(message);
  });
});

describe("suggestedClass", () => {
  it.each([
    ["email", "personal"],
    ["emailAddress", "personal"],
    ["billing_address", "personal"],
    ["first_name", "personal"],
    ["lastName", "personal"],
    ["client_ip", "personal"],
    ["date_of_birth", "sensitive"],
    ["iban", "sensitive"],
    ["national_id", "sensitive"],
    ["SSN", "sensitive"],
    ["password_hash", "secret"],
    ["apiKey", "secret"],
    ["reset_token", "secret"],
    ["bloodType", "sensitive"],
    ["health_status", "sensitive"],
    ["maritalStatus", "personal"],
    ["drivers_licence", "sensitive"],
    ["vat_id", "sensitive"],
    ["tax_number", "sensitive"],
    ["trade_union_member", "sensitive"],
    ["creditScore", "sensitive"],
    ["face_id", "sensitive"],
    ["emails", "personal"],
    ["home_addresses", "personal"],
    ["phones", "personal"],
    ["address1", "personal"],
    ["remote_addr", "personal"],
    ["fname", "personal"],
    ["licensePlate", "personal"],
    ["apikey", "secret"],
    ["backup_codes", "secret"],
    ["zipcode", "personal"],
    ["IPAddress", "personal"],
    ["email2", "personal"],
    ["cellphone", "personal"],
    ["profilePicture", "personal"],
    ["birthplace", "personal"],
    ["SSNNumber", "sensitive"],
    ["bank_account", "sensitive"],
    ["cardnumber", "sensitive"],
    ["medical_record", "sensitive"],
    ["ethnic_group", "sensitive"],
    ["nhs_number", "sensitive"],
    ["passcode", "secret"],
    ["accessKey", "secret"],
    ["signing_key", "secret"],
    ["securityAnswer", "secret"],
    ["patient_id", undefined],
    ["pictures_count", undefined],
    ["capacity", undefined],
    ["sha256", undefined],
    ["max_tokens", undefined],
    ["address_type", undefined],
    ["email_verified_at", undefined],
    ["address_id", undefined],
    ["password_changed_at", undefined],
    ["description", undefined],
    ["shipping_status", undefined],
    ["company", undefined],
    ["id", undefined],
  ])("takes %s for %s", (column, expected) => {
    expect(suggestedClass(column)).toBe(expected);
  });
});
