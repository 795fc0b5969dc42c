export function Alerts() {
  return <p>Alerts</p>;
}
