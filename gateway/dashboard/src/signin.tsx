// The door: username, password.

import { useState } from "preact/hooks";
import { farewell, signIn } from "./core/session";
import { Field } from "./ui/field";
import { Logo } from "./ui/icon";

export function SignIn() {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    setBusy(true);
    setProblem(await signIn(String(given.get("username")).trim(), String(given.get("password"))));
    setBusy(false);
  };
  return (
    <main class="door">
      <form class="card door-card" onSubmit={submit}>
        <div class="door-name">
          <Logo size={36} />
          <div>
            <h1>Fieldstock</h1>
            <p class="quiet">What is in the field and in stock.</p>
          </div>
        </div>
        {farewell.value && !problem ? <p class="note">{farewell.value}</p> : null}
        {problem ? (
          <p class="note bad" role="alert">
            {problem}
          </p>
        ) : null}
        <Field label="Username">
          {(field) => (
            <input
              {...field}
              class="input"
              name="username"
              autocomplete="username"
              autocapitalize="none"
              required
              autofocus
            />
          )}
        </Field>
        <Field label="Password">
          {(field) => (
            <input {...field} class="input" name="password" type="password" autocomplete="current-password" required />
          )}
        </Field>
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
