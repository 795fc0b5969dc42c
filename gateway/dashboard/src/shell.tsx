// What surrounds every view: the menu, who is signed in, and how the connection is.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { bySeverity, openCount } from "./core/alerts";
import { duration, now, words } from "./core/format";
import { line } from "./core/live";
import { href, path } from "./core/router";
import { signOut, user } from "./core/session";
import { nextTheme, theme } from "./core/theme";
import { Icon, type IconName, Logo } from "./ui/icon";
import { Toasts } from "./ui/toast";

const VIEWS: { to: string; name: string; icon: IconName }[] = [
  { to: "/", name: "Overview", icon: "overview" },
  { to: "/devices", name: "Devices", icon: "devices" },
  { to: "/alerts", name: "Alerts", icon: "alerts" },
  { to: "/rules", name: "Rules", icon: "rules" },
];

// A connection that comes back at once is nobody's business.
const WORTH_TELLING_MS = 1_500;

/** Sets the title of the window; with a badge while there are open alerts. */
export function Title({ children }: { children: string }) {
  const count = openCount.value;
  const title = `${count ? `(${count}) ` : ""}${children} · Fieldstock`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return null;
}

export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <div class="shell">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Menu />
      <div class="stage">
        <LineBanner />
        <main id="content" tabIndex={-1} class={line.value.state === "lost" ? "content stale" : "content"}>
          {children}
        </main>
      </div>
      <Toasts />
    </div>
  );
}

function Menu() {
  const here = path.value;
  return (
    <header class="menu">
      <a class="brand" href="/">
        <Logo />
        <span>Fieldstock</span>
      </a>
      <nav aria-label="Views">
        {VIEWS.map(({ to, name, icon }) => (
          <a
            key={to}
            class="menu-item"
            href={href(to)}
            aria-current={(to === "/" ? here === "/" : here.startsWith(to)) ? "page" : undefined}
          >
            <Icon name={icon} size={18} />
            <span>{name}</span>
            {to === "/alerts" && openCount.value ? (
              <span class={bySeverity.value.critical ? "count critical" : "count"} title="Open alerts">
                {openCount.value}
              </span>
            ) : null}
          </a>
        ))}
      </nav>
      <div class="menu-foot">
        <LineMark />
        <div class="who">
          <div class="who-name">
            <span>{user.value?.username}</span>
            <span class="quiet">{words(user.value?.role ?? "")}</span>
          </div>
          <button
            type="button"
            class="icon-button"
            onClick={nextTheme}
            aria-label={`Colours: ${theme.value}. Change`}
            title={`Colours: ${theme.value}`}
          >
            <Icon name={theme.value === "auto" ? "auto" : theme.value === "dark" ? "moon" : "sun"} />
          </button>
          <button type="button" class="icon-button" onClick={signOut} aria-label="Sign out" title="Sign out">
            <Icon name="out" />
          </button>
        </div>
      </div>
    </header>
  );
}

const SAID = { live: "Live", connecting: "Connecting …", lost: "Not connected" };

function LineMark() {
  return (
    <div class={`line line-${line.value.state}`} data-line={line.value.state}>
      <span class="dot" aria-hidden="true" />
      <span>{SAID[line.value.state]}</span>
    </div>
  );
}

function LineBanner() {
  const { state, since } = line.value;
  if (state !== "lost") return null;
  const ms = now.value - since;
  if (ms < WORTH_TELLING_MS) return null;
  return (
    <div class="banner" role="alert">
      <Icon name="warning" />
      <span>The connection was lost {duration(ms)} ago; trying to reconnect. What you see may be out of date.</span>
    </div>
  );
}
