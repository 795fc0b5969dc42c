// The rules, and how they read.

import { all } from "../core/api";
import { duration, words } from "../core/format";
import { type Asked, useAsked } from "../core/query";
import type { Rule } from "../core/types";

export function useRules(): Asked<Rule[]> {
  return useAsked("rules", async () => {
    const rules = await all<Rule>("/monitoring/rules", "rules");
    return rules.sort((one, other) => one.name.localeCompare(other.name));
  });
}

/** "Temperature above 85 for 10 s, until it is back at 80". */
export function meaning(rule: Rule): string {
  if (rule.threshold) {
    const { metric, direction, limit, clear_limit, for_seconds } = rule.threshold;
    const lasting = for_seconds ? ` for ${duration(for_seconds * 1000)}` : "";
    const until = clear_limit !== undefined && clear_limit !== limit ? `, until it is back at ${clear_limit}` : "";
    return `${words(metric)} ${direction} ${limit}${lasting}${until}`;
  }
  if (rule.abnormal) {
    const { metric, z_score, warm_up } = rule.abnormal;
    return `${words(metric)} more than ${z_score} standard deviations from its usual, known from ${warm_up} values`;
  }
  return "Silent for longer than its type allows";
}
