/** What a column's name gives away about what is in it (catalog data-classification). */

/** How much a value matters, from nothing to everything. */
export const DATA_CLASSES = ["public", "internal", "personal", "sensitive", "secret"] as const;

/**
 * `public` may be seen by anyone, `internal` by the tenant; `personal` says something about a person, `sensitive` could hurt one; `secret` opens
 * something, such as a password's hash or a token.
 */
export type DataClass = (typeof DATA_CLASSES)[number];

/** Words of a name, joined by `_`, with a `_` on either side. */
const SECRET =
  /_(?:password|passwd|pwd|pw|passphrase|pass_?code|secret|otp|totp|pin|token|api_?key|(?:private|access|signing|encryption|master|session|ssh)_key|security_(?:answer|question)|(?:recovery|backup)_codes?|credentials?)_/u;
const SENSITIVE =
  /_(?:ssn|sin|social_security|national_id|personal_id|nino|nhs_number|aadhaar|cpf|curp|tax_(?:id|number)|vat_(?:id|number)|tin|passport|(?:drivers?|driving)_licen[cs]e|id_card|iban|bic|account_number|routing_number|sort_code|bank_account|card_?number|pan|cvv|cvc|credit_?card|dob|yob|birth|birthday|birth_?date|date_of_birth|health|medical|patient|pregnan(?:t|cy)|allerg(?:y|ies)|hiv|diagnosis|medication|disability|blood_type|insurance|religion|religious|ethnic(?:ity)?|race|racial|sexuality|sexual_orientation|immigration|political|trade_union|union_member|criminal|credit_score|face_id|voice_print|salary|wage|income|biometric|fingerprint|genetic)_/u;
const PERSONAL =
  /_(?:e_?mails?|(?:cell_?)?phones?|mobile|telephone|fax|first_?name|last_?name|[fl]name|forename|full_?name|given_?name|middle_?name|maiden_?name|family_?name|display_?name|nick_?name|surname|username|address(?:es|_?\d)?|addr|licen[cs]e_plate|street|city|zip|zip_?code|postal|post_?code|birth_?place|ip|ip_?addr(?:ess)?|imei|vin|user_agent|device_id|latitude|longitude|lat|lng|lon|geo|gps|coordinates|location|gender|sex|pronouns|age|nationality|marital_status|photo|picture|avatar|signature|contact)_/u;
/** A fact about the value and not the value, such as `email_verified_at`. */
const ABOUT = /_(?:id|at|on|count|verified|enabled|required|type|kind|status|sent|expires|expiry|changed)_$/u;
/** Names that end like that and still are what they say. */
const STILL = /_(?:(?:national|personal|tax|vat|device|face)_id|blood_type|(?:health|marital)_status)_$/u;

/** The class that a name suggests, `personal` at least, or undefined for a name that says nothing. */
export function suggestedClass(column: string): DataClass | undefined {
  const words = `_${column
    .replaceAll(/([a-z0-9])([A-Z])/gu, "$1_$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/gu, "$1_$2")
    .replaceAll(/([a-z])(?=\d+(?:[^a-z\d]|$))/giu, "$1_")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, "_")}_`;
  if (ABOUT.test(words) && !STILL.test(words)) return undefined;
  if (SECRET.test(words)) return "secret";
  if (SENSITIVE.test(words)) return "sensitive";
  return PERSONAL.test(words) ? "personal" : undefined;
}

/** Whether the first class protects at least as much as the second. */
export function atLeast(left: DataClass, right: DataClass): boolean {
  return DATA_CLASSES.indexOf(left) >= DATA_CLASSES.indexOf(right);
}
