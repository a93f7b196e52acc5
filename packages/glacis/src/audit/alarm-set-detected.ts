/** The shipped alarms over what `detection`, `intrusionDetection` and the sign-in throttle find: each finding is an attack already. */

export interface ShippedAlarm {
  readonly name: string;
  readonly severity: "critical" | "error" | "warning";
  readonly description: string;
  readonly pattern: string;
  readonly metric: string;
  readonly per?: string;
  readonly threshold: number;
  readonly periodSeconds: number;
  readonly periods?: number;
  readonly points?: number;
}

export const DETECTED_ALARMS: readonly ShippedAlarm[] = [
  {
    name: "GuessingDetected",
    severity: "critical",
    description: "The detection of stuffed, sprayed or distributed sign-ins has found some.",
    pattern:
      '{ $.event = "authn_credential_stuffing" || $.event = "authn_password_spraying" || $.event = "authn_distributed_guessing" || $.event = "authn_failure_surge" }',
    metric: "GuessingCampaigns",
    threshold: 1,
    periodSeconds: 300,
  },
  {
    name: "IdWalking",
    severity: "error",
    description: "One actor has tried twenty different ids within ten minutes, and got none of the objects.",
    pattern: '{ $.event = "malicious_direct_reference" }',
    metric: "IdWalks",
    threshold: 1,
    periodSeconds: 300,
  },
  {
    name: "PathSearch",
    severity: "warning",
    description: "One address has asked for fifty paths that are not there within five minutes.",
    pattern: '{ $.event = "malicious_excess_404" }',
    metric: "PathSearches",
    threshold: 1,
    periodSeconds: 300,
  },
  {
    name: "ScannerAtWork",
    severity: "warning",
    description: "One address has asked for five paths that are bait within ten minutes.",
    pattern: '{ $.event = "malicious_honey_route" && $.ip_address = * }',
    metric: "HoneyRoutesByAddress",
    per: "ip_address",
    threshold: 5,
    periodSeconds: 600,
  },
  {
    name: "BaitTouched",
    severity: "critical",
    description: "A credential, an account or a row that is bait was used: somebody holds what they should not.",
    pattern: '{ $.event = "malicious_honeytoken" }',
    metric: "BaitTouches",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "ActorHeldBack",
    severity: "error",
    description: "The attacks of one user, API key or address add up: it is slowed down or shut out, or would be.",
    pattern: '{ $.event = "malicious_actor_held" }',
    metric: "ActorsHeldBack",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "AccountEnumeration",
    severity: "error",
    description:
      "One address has asked for links or accounts for twenty addresses within ten minutes: it looks for who has one.",
    pattern: '{ ($.event = "password_reset_requested" || $.event = "sign_up_requested") && $.ip_address = * }',
    metric: "LinksAskedForByAddress",
    per: "ip_address",
    threshold: 20,
    periodSeconds: 600,
  },
  {
    name: "NewDevicesOfOneUser",
    severity: "warning",
    description: "One user has signed in from three browsers within an hour that the account had not seen.",
    pattern: '{ $.event = "authn_new_device" && $.user_id = * }',
    metric: "NewDevicesByUser",
    per: "user_id",
    threshold: 3,
    periodSeconds: 3600,
  },
  {
    name: "ImpossibleTravel",
    severity: "critical",
    description: "Somebody has signed in from two places that nobody gets between in the time.",
    pattern: '{ $.event = "authn_impossible_travel" }',
    metric: "ImpossibleTravels",
    threshold: 1,
    periodSeconds: 300,
  },
];
