/** The form field in which a page sends its CSRF token back. The guard reads it; a form's own schema passes it by. */
export const CSRF_FIELD = "csrf_token";
