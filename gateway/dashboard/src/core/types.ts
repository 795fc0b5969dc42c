// What REST and Socket.IO speak of, as docs/openapi.json has it.

export type Role = "viewer" | "operator" | "admin";
export type Status = "in_stock" | "reserved" | "deployed" | "maintenance" | "retired";
export type Severity = "info" | "warning" | "critical";

export interface User {
  id: number;
  username: string;
  role: Role;
}

export interface Device {
  id: number;
  name: string;
  type: string;
  serial_number: string;
  status: Status;
  location: string;
  specs: Record<string, unknown>;
  purchase_date: string;
  deploy_date: string;
  last_maintenance: string;
  reserved_for: string;
  reserved_until?: string;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface Credential {
  serial_number: string;
  secret: string;
}

export interface DeviceLog {
  id: number;
  device_id: number;
  action: string;
  old_status: Status | "";
  new_status: Status;
  performed_by?: number;
  performed_by_name: string;
  notes: string;
  created_at: string;
}

/** Health and inventory of one device. */
export interface Health {
  device_id: number;
  name: string;
  type: string;
  serial_number: string;
  status: Status;
  location: string;
  online: boolean;
  last_seen?: string;
  latest: Record<string, { value: number; time: string }>;
  open_alerts: number;
  severity: Severity | "";
  /** How far its clock is ahead of the server's; absent when it never told. */
  clock_skew_ms?: number;
  version: number;
}

export interface Settings {
  device_id: number;
  desired: Record<string, unknown>;
  version: number;
  reported_version: number;
  updated_at?: string;
  reported_at?: string;
}

export interface DeviceType {
  type: string;
  metrics: { name: string; unit: string }[];
  silence_seconds: number;
  retention_days: number;
}

export interface StockLevel {
  type: string;
  location: string;
  in_stock: number;
  reserved: number;
  deployed: number;
  maintenance: number;
  minimum: number;
  low: boolean;
}

export interface Stats {
  devices: { online: number; offline: number; never_seen: number };
  alerts: Record<Severity, number>;
  metrics: Record<string, MetricStats>;
  start_time?: string;
  end_time?: string;
  version?: number;
}

export interface MetricStats {
  min: number;
  max: number;
  avg: number;
  /** 64 bits, and text for that. */
  count: string;
}

export interface Reading {
  device_id: number;
  time: string;
  metrics: Record<string, number>;
}

export interface Readings {
  readings: Reading[];
  buckets: { start_time: string; metrics: Record<string, MetricStats> }[];
  next_page_token: string;
}

export interface Alert {
  id: string;
  device_id: number;
  device_name: string;
  rule_id: string;
  kind: string;
  metric: string;
  severity: Severity;
  message: string;
  value: number;
  state: "active" | "resolved";
  acknowledged: boolean;
  opened_at: string;
  acknowledged_at?: string;
  acknowledged_by: string;
  acknowledged_note: string;
  resolved_at?: string;
  resolved_because: string;
  resolved_by: string;
  resolved_note: string;
  silenced: boolean;
  version: number;
}

export interface Rule {
  id: string;
  name: string;
  kind: "threshold" | "offline" | "abnormal";
  severity: Severity;
  enabled: boolean;
  device_type: string;
  device_id: number;
  threshold?: {
    metric: string;
    direction: "above" | "below";
    limit: number;
    clear_limit?: number;
    for_seconds: number;
  };
  abnormal?: { metric: string; z_score: number; alpha: number; warm_up: number };
  version: number;
}

export interface ActionResults {
  results: { id: number; device?: Device; reason: string; message: string }[];
  succeeded: number;
  failed: number;
}

export interface Presence {
  device_id: number;
  online: boolean;
  last_seen?: string;
  version: number;
}
