/** Links of panels and of values. Only addresses of the web and of this page are followed, whatever a dashboard says. */
import type { PanelLink } from "../api/dashboards";
import type { Labels } from "../api/metrics";
import type { Value } from "../model/dashboard/frames";
import { linkHref } from "../model/dashboard/links";
import type { Scope } from "../model/dashboard/variables";

interface Props {
  links: PanelLink[];
  scope: Scope;
  value?: Value;
  name?: string;
  labels?: Labels;
}

export function Links({ links, scope, value = null, name = "", labels = {} }: Props) {
  const followed = links.flatMap((link) => {
    const href = linkHref(link.url, scope, { value, name, labels });
    return href ? [{ ...link, href }] : [];
  });
  if (followed.length === 0) return null;
  return (
    <span class="data-links">
      {followed.map((link) => (
        <a key={link.href + link.title} href={link.href} title={link.title} {...(link.blank || /^https?:/.test(link.href) ? { target: "_blank", rel: "noopener noreferrer" } : {})}>
          {link.title || "Open"}
        </a>
      ))}
    </span>
  );
}
