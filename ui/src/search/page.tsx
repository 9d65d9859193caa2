import { EmptyState } from '../components/empty-state.tsx';

export default function SearchPage() {
  return (
    <EmptyState title="Search">
      <p>This page is not in this build.</p>
    </EmptyState>
  );
}
