/** Dashboards: all of them, or the one that the address names. */
import "../../styles/dashboards.css";
import "../../styles/panels.css";
import { DashboardList } from "./dashboard-list";
import { DashboardPage } from "./dashboard-page";

export const DashboardsPage = ({ name }: { name: string }) => (name ? <DashboardPage key={name} uid={name} /> : <DashboardList />);
