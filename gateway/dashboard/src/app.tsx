// Which view is shown.

import { path } from "./core/router";
import { standing } from "./core/session";
import { Overview } from "./overview/overview";
import { Shell, Title } from "./shell";
import { SignIn } from "./signin";
import { lazyView } from "./ui/lazy";
import { Empty } from "./ui/states";

const Devices = lazyView(() => import("./devices/devices").then((module) => module.Devices));
const DeviceView = lazyView(() => import("./devices/device").then((module) => module.DeviceView));
const Alerts = lazyView(() => import("./alerts/alerts").then((module) => module.Alerts));
const Rules = lazyView(() => import("./rules/rules").then((module) => module.Rules));

export function App() {
  if (standing.value === "starting") return null;
  if (standing.value === "signed_out") return <SignIn />;
  return (
    <Shell>
      <View />
    </Shell>
  );
}

function View() {
  const here = path.value;
  const device = /^\/devices\/([1-9][0-9]{0,9})$/.exec(here);
  if (device) return <DeviceView key={device[1]} id={Number(device[1])} />;
  if (here === "/") return <Overview />;
  if (here === "/devices") return <Devices />;
  if (here === "/alerts") return <Alerts />;
  if (here === "/rules") return <Rules />;
  return (
    <>
      <Title>Not found</Title>
      <Empty title="There is nothing at this address.">
        <a href="/">To the overview</a>
      </Empty>
    </>
  );
}
