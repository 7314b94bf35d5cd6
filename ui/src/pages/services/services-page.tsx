/** The three views of services: all as a list, all as a map, one of them. */
import { lazy } from "../../components/lazy";
import { href, path } from "../../state/url";
import { ServiceList } from "./service-list";

const MapPage = lazy("The service map", async () => (await import("./map-page")).MapPage);
const ServicePage = lazy<{ name: string }>("The service", async () => (await import("./service-page")).ServicePage);

const ONE = "service/";

export const serviceHref = (name: string) => href(`/services/${ONE}${encodeURIComponent(name)}`);

export const titleOfServices = (name: string) => (name === "map" ? "Service map" : name.replace(ONE, ""));

export function ServicesPage({ name }: { name: string }) {
  if (name === "map") return <MapPage />;
  if (name.startsWith(ONE)) return <ServicePage key={name} name={name.slice(ONE.length)} />;
  return <ServiceList />;
}

export const ServiceTabs = () => (
  <nav class="tabs" aria-label="Views of the services">
    <a href={href("/services")} aria-current={path.value === "/services" || path.value === "/" ? "page" : undefined}>
      List
    </a>
    <a href={href("/services/map")} aria-current={path.value === "/services/map" ? "page" : undefined}>
      Map
    </a>
  </nav>
);
