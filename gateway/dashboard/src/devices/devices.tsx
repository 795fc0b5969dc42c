export function Devices() {
  return <p>Devices</p>;
}
