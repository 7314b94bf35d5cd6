/** Signs that only the page of logs has. */
import { icon } from "../../components/icons";

export const PlusIcon = icon(<path d="M8 3.5v9M3.5 8h9" />);
export const MinusIcon = icon(<path d="M3.5 8h9" />);
export const ColumnIcon = icon(<path d="M2.5 3h11v10h-11zM7 3v10" />);
export const DownloadIcon = icon(<path d="M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.5h10" />);
export const PauseIcon = icon(<path d="M5.5 3.5v9M10.5 3.5v9" />);
export const FilterIcon = icon(<path d="M2.5 3.5h11L9.5 8.5v4l-3 1v-5z" />);
