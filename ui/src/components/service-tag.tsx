/** A service by its colour and name. */
import { hueStyle, serviceHue } from "../lib/color";

export const ServiceDot = ({ name }: { name: string }) => <span class="dot" style={hueStyle(serviceHue(name))} aria-hidden="true" />;

export function ServiceTag({ name, count, error = false }: { name: string; count?: number; error?: boolean }) {
  return (
    <span class={`service-tag${error ? " has-error" : ""}`} title={error ? `${name}: has errors` : name}>
      <ServiceDot name={name} />
      <span class="service-name">{name}</span>
      {count !== undefined && <span class="count">{count}</span>}
    </span>
  );
}
