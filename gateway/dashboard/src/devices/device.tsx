export function DeviceView({ id }: { id: number }) {
  return <p>{id}</p>;
}
