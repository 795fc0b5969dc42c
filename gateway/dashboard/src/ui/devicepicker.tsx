// A field that finds a device by the beginning of its name or serial number.

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import { useAsked, useDebounced } from "../core/query";
import type { Device } from "../core/types";

const TYPED_MS = 200;
const OFFERED = 8;

interface Given {
  /** 0: none. */
  device: number;
  onChoose: (device: number) => void;
  /** What the input is given besides: those of a Field, or a label and a class of its own. */
  field: Record<string, unknown>;
  placeholder?: string;
  required?: boolean;
}

const named = (device: Device) => `${device.name} (${device.serial_number})`;
/** What to look for: of a whole entry the name. */
const beginning = (text: string) => text.replace(/ \([^()]*\)$/, "").trim();

export function DevicePicker(given: Given) {
  const { device, onChoose, field, placeholder = "Name or serial number", required = false } = given;
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [sought, setSought] = useState("");
  const [picked, setPicked] = useState<Device | null>(null);
  const seek = useDebounced(setSought, TYPED_MS);
  const found = useAsked(sought ? `devices ${sought}` : null, (signal) =>
    get<{ devices: Device[] }>("/devices/", { q: sought, page_size: OFFERED }, signal),
  );
  const offered = sought && found.current ? (found.data?.devices ?? []) : [];
  // One that stood in the address.
  const asked = useAsked(device && picked?.id !== device ? `device ${device}` : null, (signal) =>
    get<Device>(`/devices/${device}`, {}, signal),
  );
  const known = picked?.id === device ? picked : asked.current ? asked.data : undefined;
  const name = !device ? "" : known ? named(known) : `Device ${device}`;
  useLayoutEffect(() => setText(name), [name]);
  // A form that it stands in is not sent with a device that nobody chose.
  useLayoutEffect(
    () => input.current?.setCustomValidity(text === name ? "" : "Choose a device of the list"),
    [text, name],
  );

  const choose = (one: Device) => {
    setPicked(one);
    setText(named(one));
    onChoose(one.id);
  };
  const type = (typed: string) => {
    setText(typed);
    const choice = offered.find((one) => named(one) === typed);
    if (choice) choose(choice);
    else if (typed) seek(beginning(typed));
    else onChoose(0);
  };
  // What was typed before there was a list.
  useEffect(() => {
    const choice = text !== name && offered.find((one) => named(one) === text);
    if (choice) choose(choice);
  }, [found.data]);
  return (
    <>
      <input
        class="input"
        {...field}
        ref={input}
        type="search"
        list={list}
        autocomplete="off"
        placeholder={placeholder}
        required={required}
        value={text}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          const [first] = offered;
          if (event.key !== "Enter" || !first || text === name) return;
          // Not the form that it stands in.
          event.preventDefault();
          choose(first);
        }}
        onBlur={() => {
          // Not while what was typed is still being looked for.
          if (beginning(text) === sought && found.current) setText(name);
        }}
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
