// A field that finds a device by the beginning of its name or serial number.

import { useEffect, useId, useState } from "preact/hooks";
import { get } from "../core/api";
import { useAsked, useDebounced } from "../core/query";
import type { Device } from "../core/types";

const TYPED_MS = 200;
const OFFERED = 8;

interface Given {
  /** 0: none. */
  device: number;
  onChoose: (device: number) => void;
  field: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean };
  required?: boolean;
}

const named = (device: Device) => `${device.name} (${device.serial_number})`;

export function DevicePicker({ device, onChoose, field, required = false }: Given) {
  const [text, setText] = useState("");
  const [sought, setSought] = useState("");
  const seek = useDebounced(setSought, TYPED_MS);
  const list = useId();
  const chosen = useAsked(device ? `device ${device}` : null, (signal) =>
    get<Device>(`/devices/${device}`, {}, signal),
  );
  const found = useAsked(sought ? `devices ${sought}` : null, (signal) =>
    get<{ devices: Device[] }>("/devices/", { q: sought, page_size: OFFERED }, signal),
  );
  const name = !device ? "" : chosen.current && chosen.data ? named(chosen.data) : `Device ${device}`;
  useEffect(() => setText(name), [name]);
  const offered = sought && found.current ? (found.data?.devices ?? []) : [];
  const type = (given: string) => {
    setText(given);
    const choice = offered.find((one) => named(one) === given);
    if (choice) onChoose(choice.id);
    else if (given) seek(given.trim());
    else if (device) onChoose(0);
  };
  return (
    <>
      <input
        {...field}
        class="input"
        type="search"
        list={list}
        autocomplete="off"
        placeholder="Name or serial number"
        required={required}
        value={text}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          const [first] = offered;
          if (!first || text === name) return;
          // Not the form that it stands in.
          event.preventDefault();
          onChoose(first.id);
        }}
        onBlur={() => setText(name)}
      />
      <datalist id={list}>
        {offered.map((one) => (
          <option key={one.id} value={named(one)}>
            {one.location}
          </option>
        ))}
      </datalist>
    </>
  );
}
