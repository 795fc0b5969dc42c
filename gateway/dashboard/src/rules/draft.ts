// A rule as it stands in the form: texts, until it is sent.

import type { Rule } from "../core/types";

export interface Draft {
  name: string;
  kind: Rule["kind"];
  severity: Rule["severity"];
  enabled: boolean;
  scope: "all" | "type" | "device";
  device_type: string;
  device_id: number;
  metric: string;
  direction: "above" | "below";
  limit: string;
  clear_limit: string;
  for_seconds: string;
  z_score: string;
  warm_up: string;
  alpha: string;
}

const text = (given: number | undefined, otherwise = "") => (given === undefined ? otherwise : String(given));

export function draftOf(rule?: Rule): Draft {
  return {
    name: rule?.name ?? "",
    kind: rule?.kind ?? "threshold",
    severity: rule?.severity ?? "warning",
    enabled: rule?.enabled ?? true,
    scope: rule?.device_id ? "device" : rule?.device_type ? "type" : "all",
    device_type: rule?.device_type ?? "",
    device_id: rule?.device_id ?? 0,
    metric: rule?.threshold?.metric ?? rule?.abnormal?.metric ?? "",
    direction: rule?.threshold?.direction ?? "above",
    limit: text(rule?.threshold?.limit),
    clear_limit: text(rule?.threshold?.clear_limit),
    for_seconds: text(rule?.threshold?.for_seconds, "0"),
    z_score: text(rule?.abnormal?.z_score, "4"),
    warm_up: text(rule?.abnormal?.warm_up, "60"),
    alpha: text(rule?.abnormal?.alpha, "0.05"),
  };
}

/** What is sent. `version`: of the rule that it replaces. */
export function ruleOf(draft: Draft, version = 0): Omit<Rule, "id"> {
  return {
    name: draft.name.trim(),
    kind: draft.kind,
    severity: draft.severity,
    enabled: draft.enabled,
    device_type: draft.scope === "type" ? draft.device_type : "",
    device_id: draft.scope === "device" ? draft.device_id : 0,
    version,
    ...(draft.kind === "threshold"
      ? {
          threshold: {
            metric: draft.metric.trim(),
            direction: draft.direction,
            limit: Number(draft.limit),
            ...(draft.clear_limit === "" ? {} : { clear_limit: Number(draft.clear_limit) }),
            for_seconds: Number(draft.for_seconds || 0),
          },
        }
      : {}),
    ...(draft.kind === "abnormal"
      ? {
          abnormal: {
            metric: draft.metric.trim(),
            z_score: Number(draft.z_score),
            alpha: Number(draft.alpha),
            warm_up: Number(draft.warm_up),
          },
        }
      : {}),
  };
}
